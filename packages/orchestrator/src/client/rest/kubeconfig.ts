/**
 * Reads a kubeconfig (the file that kubectl has in $KUBECONFIG or ~/.kube/config) down to what a
 * connection needs. Pure but for `readFile`; paths in the file are relative to the file.
 */
import { dirname, isAbsolute, join } from "node:path";
import { parse } from "yaml";

/**
 * The named extension of a cluster entry that tells our components of the gRPC object service; other
 * clients pass over it (client-go keeps extensions that it does not know).
 */
export const OBJECTS_EXTENSION = "sagong.dev/objects";

export interface Kubeconfig {
  readonly server: string;
  /** Of the gRPC object service, where the API server is one of ours and the file says so. */
  readonly objectServer: string | undefined;
  readonly namespace: string;
  readonly caData: string | undefined;
  readonly skipTlsVerify: boolean;
  readonly certData: string | undefined;
  readonly keyData: string | undefined;
  readonly token: string | undefined;
}

/** A kubeconfig that cannot be used; the message names file, field and what was expected. */
export class KubeconfigError extends Error {
  override readonly name: string = "KubeconfigError";
}

export interface KubeconfigSource {
  readonly path: string;
  readonly readFile: (path: string) => string;
  /** Another context than the file's current one. */
  readonly context?: string | undefined;
}

/** Throws `KubeconfigError`. */
export function loadKubeconfig(source: KubeconfigSource): Kubeconfig {
  const file = parseFile(source);
  const contextName = source.context ?? text(file["current-context"]);
  if (!contextName) throw fault(source, "current-context is not set");
  const context = named(source, { file, list: "contexts", item: "context", name: contextName });
  const cluster = named(source, {
    file,
    list: "clusters",
    item: "cluster",
    name: text(context["cluster"]) ?? "",
  });
  const user = named(source, {
    file,
    list: "users",
    item: "user",
    name: text(context["user"]) ?? "",
  });
  const server = text(cluster["server"]);
  if (!server) throw fault(source, `cluster of context "${contextName}" has no server`);
  for (const unsupported of ["exec", "auth-provider"]) {
    if (user[unsupported] !== undefined) {
      throw fault(
        source,
        `user of context "${contextName}" signs in by ${unsupported}: expected a client certificate or a token`,
      );
    }
  }
  return {
    server: server.replace(/\/+$/, ""),
    objectServer: objectServerOf(cluster),
    namespace: text(context["namespace"]) ?? "default",
    caData: dataOf(source, cluster, "certificate-authority"),
    skipTlsVerify: cluster["insecure-skip-tls-verify"] === true,
    certData: dataOf(source, user, "client-certificate"),
    keyData: dataOf(source, user, "client-key"),
    token: text(user["token"]),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function parseFile(source: KubeconfigSource): Fields {
  let value: unknown;
  try {
    value = parse(source.readFile(source.path));
  } catch (error) {
    throw fault(source, error instanceof Error ? error.message : String(error));
  }
  if (!isFields(value)) throw fault(source, "it is not a YAML mapping");
  return value;
}

function named(
  source: KubeconfigSource,
  place: {
    readonly file: Fields;
    readonly list: string;
    readonly item: string;
    readonly name: string;
  },
): Fields {
  const entries = place.file[place.list];
  const found = (Array.isArray(entries) ? entries : []).find(
    (entry: unknown) => isFields(entry) && entry["name"] === place.name,
  ) as Fields | undefined; // `isFields` held for the entry that was found.
  const item = found?.[place.item];
  if (!isFields(item)) throw fault(source, `${place.list} has no "${place.name}"`);
  return item;
}

function objectServerOf(cluster: Fields): string | undefined {
  const entries = cluster["extensions"];
  const found: unknown = (Array.isArray(entries) ? entries : []).find(
    (entry: unknown) => isFields(entry) && entry["name"] === OBJECTS_EXTENSION,
  );
  const extension = isFields(found) ? found["extension"] : undefined;
  return isFields(extension) ? text(extension["server"]) : undefined;
}

/** `field-data` in base64, or the file that `field` names. */
function dataOf(source: KubeconfigSource, fields: Fields, field: string): string | undefined {
  const data = text(fields[`${field}-data`]);
  if (data) return Buffer.from(data, "base64").toString("utf8");
  const path = text(fields[field]);
  if (!path) return undefined;
  return source.readFile(isAbsolute(path) ? path : join(dirname(source.path), path));
}

function fault(source: KubeconfigSource, what: string): KubeconfigError {
  return new KubeconfigError(`Cannot use kubeconfig ${source.path}: ${what}`);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A pod's volumes as folders of the host, below the pod's own folder. Data of config maps, secrets
 * and the downward API is swapped in whole by the `..data` link, as the kubelet does, so a reader
 * never sees half an update. Owns `<podDir>/volumes`.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, isAbsolute, join, normalize } from "node:path";
import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  ResourceFieldSelector,
  Secret,
  Volume,
  VolumeMount,
} from "../../api/gen/core-v1.js";
import { RuntimeError } from "../runtime/runtime.js";
import { downwardField, resourceValue } from "./container-environment.js";

export interface VolumeSources {
  configMap(name: string): Promise<ConfigMap | undefined>;
  secret(name: string): Promise<Secret | undefined>;
}

export interface VolumeContext {
  readonly pod: Pod;
  readonly podDir: string;
  readonly podIp: string;
  readonly hostIp: string;
  readonly sources: VolumeSources;
}

/** A volume that cannot be set up (yet); `message` is what a FailedMount event says. */
export class VolumeError extends Error {
  override readonly name: string = "VolumeError";
}

type Files = ReadonlyMap<string, { readonly data: Buffer; readonly mode: number }>;

/** Makes or refreshes every volume of the pod. Rejects with `VolumeError`. */
export async function prepareVolumes(context: VolumeContext): Promise<void> {
  for (const volume of context.pod.spec?.volumes ?? []) await prepare(context, volume);
}

/** The host path behind one mount of a container. Throws `VolumeError`. */
export function mountSource(context: VolumeContext, mount: VolumeMount): string {
  const volume = context.pod.spec?.volumes?.find(({ name }) => name === mount.name);
  if (!volume) throw new VolumeError(`volume "${mount.name}" is not one of the pod's`);
  const root = volume.hostPath?.path ?? volumeDir(context, volume);
  if (mount.subPath === undefined) return root;
  const path = join(root, inside(mount.subPath));
  if (existsSync(path)) return path;
  if (!volume.emptyDir && !volume.hostPath) {
    throw new VolumeError(`subPath "${mount.subPath}" is not in volume "${mount.name}"`);
  }
  mkdirSync(path, { recursive: true, mode: 0o755 });
  return path;
}

async function prepare(context: VolumeContext, volume: Volume): Promise<void> {
  const dir = volumeDir(context, volume);
  if (volume.emptyDir) {
    mkdirSync(dir, { recursive: true });
    chmodSync(dir, 0o777); // For whatever user a container runs as, whatever our umask.
  } else if (volume.hostPath) {
    prepareHostPath(volume.name, volume.hostPath);
  } else if (volume.configMap || volume.secret || volume.downwardAPI || volume.projected) {
    writeFiles(dir, await volumeFiles(context, volume));
  } else {
    const type = Object.keys(volume).find((key) => key !== "name") ?? "none";
    throw new VolumeError(
      `volume "${volume.name}" has type ${type}: this node has emptyDir, hostPath, configMap, secret, downwardAPI and projected`,
    );
  }
}

async function volumeFiles(context: VolumeContext, volume: Volume): Promise<Files> {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap) {
    const source = { ...configMap, name: configMap.name ?? "" };
    return configMapFiles(context, source, configMap.defaultMode);
  }
  if (secret) {
    return secretFiles(context, { ...secret, name: secret.secretName ?? "" }, secret.defaultMode);
  }
  if (downwardAPI) {
    return downwardFiles(context, downwardAPI.items ?? [], downwardAPI.defaultMode);
  }
  const files = new Map<string, { data: Buffer; mode: number }>();
  for (const source of projected?.sources ?? []) {
    const mode = projected?.defaultMode;
    const part = source.configMap
      ? await configMapFiles(
          context,
          { ...source.configMap, name: source.configMap.name ?? "" },
          mode,
        )
      : source.secret
        ? await secretFiles(context, { ...source.secret, name: source.secret.name ?? "" }, mode)
        : source.downwardAPI
          ? downwardFiles(context, source.downwardAPI.items ?? [], mode)
          : unsupportedProjection(volume.name, Object.keys(source)[0]);
    for (const [path, file] of part) files.set(path, file);
  }
  return files;
}

interface NamedSource {
  readonly name: string;
  readonly items?: readonly KeyToPath[] | undefined;
  readonly optional?: boolean | undefined;
}

async function configMapFiles(
  context: VolumeContext,
  source: NamedSource,
  mode: number | undefined,
): Promise<Files> {
  const map = await context.sources.configMap(source.name);
  if (!map && !source.optional) throw new VolumeError(`configmap "${source.name}" not found`);
  const data = new Map<string, Buffer>();
  for (const [key, text] of Object.entries(map?.data ?? {})) data.set(key, Buffer.from(text));
  for (const [key, text] of Object.entries(map?.binaryData ?? {})) {
    data.set(key, Buffer.from(text, "base64"));
  }
  return project(data, { ...source, kind: "configmap" }, mode);
}

async function secretFiles(
  context: VolumeContext,
  source: NamedSource,
  mode: number | undefined,
): Promise<Files> {
  const secret = await context.sources.secret(source.name);
  if (!secret && !source.optional) throw new VolumeError(`secret "${source.name}" not found`);
  const data = new Map<string, Buffer>();
  for (const [key, text] of Object.entries(secret?.data ?? {})) {
    data.set(key, Buffer.from(text, "base64"));
  }
  return project(data, { ...source, kind: "secret" }, mode);
}

function downwardFiles(
  context: VolumeContext,
  items: readonly DownwardAPIVolumeFile[],
  mode = DEFAULT_MODE,
): Files {
  const files = new Map<string, { data: Buffer; mode: number }>();
  for (const item of items) {
    const value = item.resourceFieldRef
      ? containerResource(context.pod, item.resourceFieldRef)
      : podField(context, item.fieldRef?.fieldPath ?? "");
    files.set(inside(item.path), { data: Buffer.from(value), mode: item.mode ?? mode });
  }
  return files;
}

function podField(context: VolumeContext, path: string): string {
  const value = downwardField(context.pod, path, context);
  if (value === undefined) throw new VolumeError(`unsupported downward API field "${path}"`);
  return value;
}

function containerResource({ spec }: Pod, reference: ResourceFieldSelector): string {
  const { containerName = "" } = reference;
  const all = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const container = all.find(({ name }) => name === containerName);
  if (!container) throw new VolumeError(`container ${containerName} not found`);
  try {
    return resourceValue(container, reference);
  } catch (error) {
    if (error instanceof RuntimeError) throw new VolumeError(error.message);
    throw error;
  }
}

const DEFAULT_MODE = 0o644;

function project(
  data: ReadonlyMap<string, Buffer>,
  source: NamedSource & { readonly kind: string },
  mode = DEFAULT_MODE,
): Files {
  const files = new Map<string, { data: Buffer; mode: number }>();
  const items: readonly KeyToPath[] =
    source.items ?? [...data.keys()].map((key) => ({ key, path: key }));
  for (const item of items) {
    const bytes = data.get(item.key);
    if (bytes) files.set(inside(item.path), { data: bytes, mode: item.mode ?? mode });
    else if (!source.optional) {
      throw new VolumeError(
        `references non-existent key "${item.key}" in ${source.kind} "${source.name}"`,
      );
    }
  }
  return files;
}

/** Writes a new generation beside the old one and swaps the `..data` link over to it. */
function writeFiles(dir: string, files: Files): void {
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  const old = existsSync(`${dir}/..data`) ? readlinkSync(`${dir}/..data`) : undefined;
  const next = mkdtempSync(`${dir}/..`);
  chmodSync(next, 0o755); // mkdtemp makes it for us alone.
  for (const [path, { data, mode }] of files) {
    mkdirSync(dirname(join(next, path)), { recursive: true });
    writeFileSync(join(next, path), data, { mode: 0o600 });
    chmodSync(join(next, path), mode); // The mode of a creation is cut by our umask.
  }
  rmSync(`${dir}/..data_tmp`, { force: true });
  symlinkSync(next.slice(dir.length + 1), `${dir}/..data_tmp`);
  renameSync(`${dir}/..data_tmp`, `${dir}/..data`);
  for (const path of files.keys()) {
    const top = path.split("/")[0] ?? path;
    if (!existsSync(`${dir}/${top}`)) {
      rmSync(`${dir}/${top}`, { force: true }); // A link to a key of a former generation.
      symlinkSync(`..data/${top}`, `${dir}/${top}`);
    }
  }
  if (old !== undefined) rmSync(join(dir, old), { recursive: true, force: true });
}

function prepareHostPath(
  name: string,
  { path, type }: { readonly path: string; readonly type?: string | undefined },
): void {
  if (type === "DirectoryOrCreate") mkdirSync(path, { recursive: true, mode: 0o755 });
  if (type === "FileOrCreate" && !existsSync(path)) writeFileSync(path, "", { mode: 0o644 });
  if (type !== undefined && type !== "" && !existsSync(path)) {
    throw new VolumeError(
      `hostPath type check failed for volume "${name}": ${path} is not a ${type}`,
    );
  }
}

function unsupportedProjection(name: string, type: string | undefined): never {
  throw new VolumeError(
    `volume "${name}" projects ${type ?? "nothing"}: this node projects configMap, secret and downwardAPI`,
  );
}

function volumeDir(context: VolumeContext, volume: Volume): string {
  return join(context.podDir, "volumes", volume.name);
}

/** A relative path that stays below its root. */
function inside(path: string): string {
  const clean = normalize(path);
  if (isAbsolute(clean) || clean === ".." || clean.startsWith("../")) {
    throw new VolumeError(`path "${path}" leaves its volume`);
  }
  return clean;
}

/** Writes a kubeconfig that carries its certificates in itself. */
import { renameSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import { OBJECTS_EXTENSION } from "../client/rest/kubeconfig.js";
import type { KeyPair } from "./pki.js";

export interface KubeconfigFile {
  readonly server: string;
  /** Of the gRPC object service, for a component of ours. */
  readonly objectServer?: string;
  readonly ca: string;
  readonly user: string;
  readonly pair: KeyPair;
}

const CLUSTER = "sagong";

/** Mode 0600: it holds a key. */
export function writeKubeconfig(path: string, file: KubeconfigFile): void {
  const { server, objectServer, ca, user, pair } = file;
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const text = stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: CLUSTER,
        cluster: {
          server,
          "certificate-authority-data": base64(ca),
          ...(objectServer === undefined
            ? {}
            : { extensions: [{ name: OBJECTS_EXTENSION, extension: { server: objectServer } }] }),
        },
      },
    ],
    users: [
      {
        name: user,
        user: { "client-certificate-data": base64(pair.cert), "client-key-data": base64(pair.key) },
      },
    ],
    contexts: [{ name: CLUSTER, context: { cluster: CLUSTER, user } }],
    "current-context": CLUSTER,
  });
  writeFileSync(`${path}.tmp`, text, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

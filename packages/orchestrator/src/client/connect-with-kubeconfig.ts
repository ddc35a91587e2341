/** The `ObjectClient` for a kubeconfig: what a component in a process of its own starts with. */
import { readFileSync } from "node:fs";
import type { Clock } from "@sagong/base";
import { createGrpcObjectClient } from "./grpc/grpc-object-client.js";
import type { ObjectClient } from "./object-client.js";
import { type Kubeconfig, loadKubeconfig } from "./rest/kubeconfig.js";
import { RestConnection } from "./rest/rest-connection.js";
import { RestObjectClient } from "./rest/rest-object-client.js";

export interface ConnectedClient {
  readonly client: ObjectClient;
  /** Whose certificates we show, for a component that is a server too. */
  readonly config: Kubeconfig;
}

/**
 * Over gRPC where the file names an object service (see `OBJECTS_EXTENSION`), else over Kubernetes
 * REST, which any API server speaks. Throws `KubeconfigError`; whether the server answers shows only
 * with the first request.
 */
export function connectWithKubeconfig(
  path: string,
  { clock }: { readonly clock: Clock },
): ConnectedClient {
  const config = loadKubeconfig({ path, readFile: (file) => readFileSync(file, "utf8") });
  const { objectServer: endpoint, caData: ca, certData: cert, keyData: key } = config;
  const client =
    endpoint && ca && cert && key
      ? createGrpcObjectClient({ endpoint, tls: { ca, cert, key } }, { clock })
      : new RestObjectClient(new RestConnection(config));
  return { client, config };
}

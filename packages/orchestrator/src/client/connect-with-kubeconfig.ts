/** The `ObjectClient` for a kubeconfig: what a component in a process of its own starts with. */
import { readFileSync } from "node:fs";
import type { ObjectClient } from "./object-client.js";
import { type Kubeconfig, loadKubeconfig } from "./rest/kubeconfig.js";
import { RestConnection } from "./rest/rest-connection.js";
import { RestObjectClient } from "./rest/rest-object-client.js";

export interface ConnectedClient {
  readonly client: ObjectClient;
  /** Whose certificates we show, for a component that is a server too. */
  readonly config: Kubeconfig;
}

/** Throws `KubeconfigError`; whether the server answers shows only with the first request. */
export function connectWithKubeconfig(path: string): ConnectedClient {
  const config = loadKubeconfig({ path, readFile: (file) => readFileSync(file, "utf8") });
  return { client: new RestObjectClient(new RestConnection(config)), config };
}

// The API server
export {
  type RunningApiServer,
  startApiServer,
  type StartApiServerDependencies,
  type StartApiServerOptions,
} from "./apiserver/start-api-server.js";
export { type ClusterPki, type KeyPair, openPki } from "./pki/pki.js";
export { writeKubeconfig } from "./pki/kubeconfig-file.js";
// The node agent
export { startNodeAgent, type NodeAgent, type NodeAgentOptions } from "./node-agent/agent.js";
export { openProcessRuntime } from "./node-agent/runtime/process-runtime.js";

// The API server
export {
  type RunningApiServer,
  startApiServer,
  type StartApiServerDependencies,
  type StartApiServerOptions,
} from "./apiserver/start-api-server.js";
export { type ClusterPki, type KeyPair, openPki, PkiError } from "./pki/pki.js";
export { writeKubeconfig } from "./pki/kubeconfig-file.js";
// Control loops
export type { ComponentDependencies, RunningComponent } from "./controller/component.js";
export {
  type ControllerManagerOptions,
  startControllerManager,
} from "./controllers/start-controller-manager.js";
export { type SchedulerOptions, startScheduler } from "./scheduler/start-scheduler.js";
// How components reach the API server
export type { ObjectClient } from "./client/object-client.js";
export {
  createGrpcObjectClient,
  type GrpcObjectClientOptions,
} from "./client/grpc/grpc-object-client.js";
export { type ConnectedClient, connectWithKubeconfig } from "./client/connect-with-kubeconfig.js";
export { KubeconfigError } from "./client/rest/kubeconfig.js";
// The node agent
export { startNodeAgent, type NodeAgent, type NodeAgentOptions } from "./node-agent/agent.js";
export { openProcessRuntime } from "./node-agent/runtime/process-runtime.js";

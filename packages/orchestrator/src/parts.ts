// The parts of the orchestrator, for those who compose them on surroundings of their own: the
// simulator runs them under virtual time, and its mutants stand in for them.
export { Registry, type RegistryDependencies } from "./registry/registry.js";
export type {
  ListRequest,
  Storage,
  StorageBatch,
  StorageEvent,
  StorageWatch,
  Stored,
  StoredList,
} from "./storage/storage.js";
export { MemoryStorage } from "./storage/memory-storage.js";
export { InProcessClient } from "./client/in-process-client.js";
export { Informer } from "./informer/informer.js";
export { EventRecorder } from "./controller/event-recorder.js";
export { StatusManager } from "./node-agent/status-manager.js";
export { Heartbeat } from "./node-agent/heartbeat.js";
export type { NodeFacts } from "./node-agent/node-object.js";
export { loadSchema } from "./schema-facts.js";

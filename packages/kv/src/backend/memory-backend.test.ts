import { backendSuite } from "../testing/backend-suite.js";
import { MemoryBackend } from "./memory-backend.js";

backendSuite("MemoryBackend", async () => {
  const backend = new MemoryBackend();
  return { backend, reopened: async () => backend.pairs(), remove: async () => {} };
});

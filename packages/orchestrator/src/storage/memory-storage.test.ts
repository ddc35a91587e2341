import { storageSuite } from "../testing/storage-suite.js";
import { MemoryStorage } from "./memory-storage.js";

storageSuite("MemoryStorage", async () => {
  const storage = new MemoryStorage();
  return {
    storage,
    compact: async (version) => storage.compact(version),
    close: () => Promise.resolve(),
  };
});

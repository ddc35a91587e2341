import { INITIAL, logStorageSuite } from "../testing/log-storage-suite.js";
import { MemoryLogStorage } from "./memory-log-storage.js";

logStorageSuite("MemoryLogStorage", async () => {
  let last = MemoryLogStorage.create(INITIAL);
  return {
    open: async () => {
      last = new MemoryLogStorage(last.stored);
      return last;
    },
    remove: async () => {},
  };
});

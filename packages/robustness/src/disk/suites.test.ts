import { FileLogStorage } from "@sagong/raft";
import { type Pair, type StateMedium } from "@sagong/kv/parts";
import { backendSuite, databasesSuite } from "@sagong/kv/suites";
import { INITIAL, logFilesSuite, logStorageSuite } from "@sagong/raft/testing";
import { keepRunning } from "../../test/keep-running.js";
import { SimulatedWorld } from "../world/simulated-world.js";
import type { MountedDisk } from "./mounted-disk.js";
import { SimulatedDisk } from "./simulated-disk.js";

interface Machine {
  readonly world: SimulatedWorld;
  /** Another process. */
  readonly mount: () => MountedDisk;
  readonly remove: () => Promise<void>;
}

function machine(): Machine {
  const world = new SimulatedWorld(1);
  const disk = new SimulatedDisk({ world, name: "m" });
  const mount = (): MountedDisk => {
    disk.unmount();
    return disk.mount({ enter: (callback) => callback() });
  };
  return { world, mount, remove: keepRunning(world) };
}

logFilesSuite("SimulatedLogFiles", async () => {
  const { mount, remove } = machine();
  return { files: mount().logFiles, reopened: async () => mount().logFiles, remove };
});

logStorageSuite("FileLogStorage on SimulatedLogFiles", async () => {
  const { mount, remove } = machine();
  const open = (): Promise<FileLogStorage> =>
    FileLogStorage.open({
      files: mount().logFiles,
      clusterId: 1n,
      memberId: 1n,
      initial: INITIAL,
      segmentBytes: 1_000,
    });
  return { open, remove };
});

backendSuite("LevelBackend on SimulatedDatabases", async () => {
  const { world, mount, remove } = machine();
  const open = (): Promise<StateMedium> =>
    mount().openMedium({
      clock: world.clock,
      onError: (error) => {
        throw error;
      },
    });
  let backend = await open();
  return {
    get backend() {
      return backend;
    },
    reopened: async () => {
      await backend.close();
      backend = await open();
      const pairs: Pair[] = [];
      for await (const some of backend.scan()) pairs.push(...some);
      // A pair of LevelBackend's own, that makes an empty batch syncable.
      return pairs.filter(([key]) => key.length > 1 || key[0] !== 0);
    },
    remove,
  };
});

databasesSuite("SimulatedDatabases", async () => {
  const { mount, remove } = machine();
  return { databases: mount().databases, dir: "store", remove };
});

/** Who waits for the disk takes nothing from those who work, and gets it in its turn. */
import { describe, expect, it } from "vitest";
import type { LogStorage } from "../storage/log-storage.js";
import { MemoryLogStorage } from "../storage/memory-log-storage.js";
import { LogDisk } from "./log-disk.js";

/** A disk whose appends end when they are told to. */
function slowDisk() {
  const ends: (() => void)[] = [];
  const memory = MemoryLogStorage.create({ index: 0, term: 0, confState: { voters: [1n] } });
  const storage: LogStorage = {
    stored: memory.stored,
    append: () => new Promise((resolve) => ends.push(resolve)),
    compact: (snapshot) => memory.compact(snapshot),
    reset: (snapshot) => memory.reset(snapshot),
    close: () => memory.close(),
  };
  return { disk: new LogDisk({ storage }), end: () => ends.shift()?.() };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("LogDisk", () => {
  it("exclusively() waits without taking turns of the event loop", async () => {
    const { disk, end } = slowDisk();
    const before = process.getActiveResourcesInfo().filter((kind) => kind === "Immediate").length;
    const write = disk.write({});
    const order: string[] = [];
    const action = disk.exclusively(async () => void order.push("exclusive"));
    await turn();
    await turn();
    const after = process.getActiveResourcesInfo().filter((kind) => kind === "Immediate").length;
    expect(after).toBe(before);
    expect(order).toEqual([]);
    end();
    await Promise.all([write, action]);
    expect(order).toEqual(["exclusive"]);
    expect(disk.isBusy).toBe(false);
  });

  it("exclusively() comes before a write that begins when the one before it has ended", async () => {
    const { disk, end } = slowDisk();
    const order: string[] = [];
    const writes = disk.write({}).then(() => order.push(`write, busy ${String(disk.isBusy)}`));
    const action = disk.exclusively(async () => {
      order.push("exclusive");
      await turn();
    });
    await turn();
    end();
    await Promise.all([writes, action]);
    expect(order).toEqual(["exclusive", "write, busy true"]);
  });

  it("idle() and exclusively() end where the disk is stopped in a write that never ends", async () => {
    const { disk } = slowDisk();
    void disk.write({});
    let isDone = false;
    const waits = Promise.all([
      disk.idle(),
      disk.exclusively(async () => {
        isDone = true;
      }),
    ]);
    await turn();
    disk.stop();
    await waits;
    expect(isDone).toBe(false);
  });
});

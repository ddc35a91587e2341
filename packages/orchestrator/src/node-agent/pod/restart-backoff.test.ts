import { describe, expect, it } from "vitest";
import type { ContainerState } from "../runtime/runtime.js";
import {
  BACKOFF_ANNOTATION,
  nextBackoffMs,
  restartDelayMs,
  startFailureDelayMs,
} from "./restart-backoff.js";

function ended(ranMs: number, backoffMs: number): ContainerState {
  return {
    id: "c",
    sandboxId: "s",
    name: "c",
    attempt: 0,
    image: "",
    phase: "exited",
    createdAtMs: 0,
    startedAtMs: 0,
    finishedAtMs: ranMs,
    exitCode: 1,
    reason: "Error",
    message: undefined,
    logPath: "",
    annotations: { [BACKOFF_ANNOTATION]: String(backoffMs) },
  };
}

describe("the restart backoff", () => {
  it("is none for the first restart, then 10 s doubled up to 5 min", () => {
    const delays: number[] = [];
    let backoffMs = nextBackoffMs(undefined);
    for (let restart = 0; restart < 9; restart++) {
      const previous = ended(1_000, backoffMs);
      delays.push(restartDelayMs(previous));
      backoffMs = nextBackoffMs(previous);
    }
    const seconds = delays.map((ms) => ms / 1000);
    expect(seconds).toEqual([0, 10, 20, 40, 80, 160, 300, 300, 300]);
  });

  it("begins anew after ten minutes of running", () => {
    expect(restartDelayMs(ended(599_999, 300_000))).toBe(300_000);
    expect(restartDelayMs(ended(600_000, 300_000))).toBe(0);
    expect(nextBackoffMs(ended(600_000, 300_000))).toBe(10_000);
  });

  it("waits from the first failure on where there was no process at all", () => {
    const delays = [1, 2, 3, 20].map((failures) => startFailureDelayMs(failures));
    expect(delays).toEqual([10_000, 20_000, 40_000, 300_000]);
  });

  it("waits no longer for what is only not configured yet", () => {
    expect(startFailureDelayMs(20, "CreateContainerConfigError")).toBe(10_000);
  });
});

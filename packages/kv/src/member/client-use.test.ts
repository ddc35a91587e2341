import { VirtualClock } from "@sagong/base";
import { expect, it } from "vitest";
import type { WatchSession } from "../rpc/watch-session.js";
import { ClientUse } from "./client-use.js";

it("is idle a second after the last call, and not while a watch stream is open", () => {
  const clock = new VirtualClock();
  const use = new ClientUse(clock);
  expect(use.isIdle).toBe(true);
  use.called(clock.monotonicMs());
  clock.advance(1_000);
  expect(use.isIdle).toBe(false);
  clock.advance(1);
  expect(use.isIdle).toBe(true);
  // Only that it is there counts.
  const session = {} as WatchSession;
  use.watchSessions.add(session);
  expect(use.isIdle).toBe(false);
  use.watchSessions.delete(session);
  expect(use.isIdle).toBe(true);
});

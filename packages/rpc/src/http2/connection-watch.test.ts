import { VirtualClock } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { ConnectionWatch, type WatchedConnection } from "./connection-watch.js";

const TIMES = { setupMs: 30, silenceMs: 1_000, answerMs: 20, headMs: 10, stallMs: 60 };

function watched() {
  const clock = new VirtualClock();
  const log: string[] = [];
  const connection: WatchedConnection & { isSetUp: boolean } = {
    isSetUp: true,
    ping: () => log.push("ping"),
    refuseSetup: () => log.push("refuse"),
    cut: () => log.push("cut"),
  };
  const watch = new ConnectionWatch(connection, { clock, times: TIMES });
  watch.start();
  return { clock, log, connection, watch };
}

describe("ConnectionWatch", () => {
  it("refuses a client that does not acknowledge our SETTINGS in time", () => {
    const { clock, log, connection } = watched();
    connection.isSetUp = false;
    clock.advance(29);
    expect(log).toEqual([]);
    clock.advance(1);
    expect(log).toEqual(["refuse"]);
  });

  it("asks a silent client for a sign of life, and cuts one that gives none", () => {
    const { clock, log } = watched();
    clock.advance(30 + 999);
    expect(log).toEqual([]);
    clock.advance(1);
    expect(log).toEqual(["ping"]);
    clock.advance(20);
    expect(log).toEqual(["ping", "cut"]);
  });

  it("takes any bytes for a sign of life", () => {
    const { clock, log, watch } = watched();
    clock.advance(30 + 500);
    watch.heard(false);
    clock.advance(500);
    expect(log).toEqual([]);
    clock.advance(1_000);
    expect(log).toEqual(["ping"]);
    watch.heard(false);
    clock.advance(20 + 999);
    expect(log).toEqual(["ping"]);
    clock.advance(1);
    expect(log).toEqual(["ping", "ping"]);
  });

  it("cuts a client that begins a header section and does not end it, however busy it is", () => {
    const { clock, log, watch } = watched();
    watch.heard(true);
    clock.advance(9);
    watch.heard(true);
    clock.advance(1);
    expect(log).toEqual(["cut"]);
  });

  it("is content with a header section that ends in time", () => {
    const { clock, log, watch } = watched();
    watch.heard(true);
    clock.advance(9);
    watch.heard(false);
    clock.advance(100);
    expect(log).toEqual([]);
  });

  it("cuts a client that takes nothing of what waits for it, and none that takes some", () => {
    const { clock, log, watch } = watched();
    watch.stalled();
    clock.advance(59);
    watch.moved();
    watch.stalled();
    clock.advance(59);
    expect(log).toEqual([]);
    clock.advance(1);
    expect(log).toEqual(["cut"]);
  });

  it("does nothing after stop()", () => {
    const { clock, log, watch } = watched();
    watch.heard(true);
    watch.stalled();
    watch.stop();
    watch.heard(true);
    watch.stalled();
    clock.advance(10_000);
    expect(log).toEqual([]);
    expect(clock.nextAtMs()).toBeUndefined();
  });
});

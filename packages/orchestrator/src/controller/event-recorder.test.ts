import { seededRandom, silentLogger, VirtualClock } from "@sagong/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Event } from "../api/gen/core-v1.js";
import { EVENTS } from "../api/resources.js";
import { keyOf } from "../api/resource.js";
import { type MemoryCluster, openMemoryCluster } from "../testing/memory-cluster.js";
import { EventRecorder, type RecordedEvent } from "./event-recorder.js";

let clock: VirtualClock;
let cluster: MemoryCluster;
let recorder: EventRecorder;

beforeEach(async () => {
  clock = new VirtualClock();
  cluster = await openMemoryCluster({ clock });
  recorder = new EventRecorder(
    { component: "test", host: "node-1" },
    { client: cluster.client, clock, random: seededRandom(1), logger: silentLogger },
  );
});
afterEach(() => cluster.close());

const about = (name: string): RecordedEvent["about"] => ({
  apiVersion: "v1",
  kind: "Pod",
  namespace: "default",
  name,
  uid: `uid-${name}`,
});

function record(message: string, more: Partial<RecordedEvent> = {}): void {
  recorder.record({ about: about("p"), type: "Normal", reason: "Test", message, ...more });
}

async function written(): Promise<Event[]> {
  await recorder.close();
  return [...(await cluster.client.list(EVENTS, { namespace: "default" })).items];
}

const countsOf = (events: readonly Event[]): Record<string, number | undefined> =>
  Object.fromEntries(events.map(({ message = "", count }) => [message, count]));

describe("EventRecorder", () => {
  it("record() names Events so that a list of them is in the order of their time", async () => {
    const said = Array.from({ length: 20 }, (_, i) => ({ reason: `Reason${i}`, message: `${i}` }));
    for (const [i, { reason, message }] of said.entries()) {
      record(message, { reason });
      if (i % 5 === 0) clock.advance(1);
    }
    expect((await written()).map(({ message }) => message)).toEqual(
      said.map(({ message }) => message),
    );
  });

  it("record() writes an Event that names its source and what it is about", async () => {
    record("hello");
    expect(await written()).toMatchObject([
      {
        involvedObject: about("p"),
        type: "Normal",
        reason: "Test",
        message: "hello",
        count: 1,
        firstTimestamp: "2026-01-01T00:00:00Z",
        source: { component: "test", host: "node-1" },
        reportingComponent: "test",
        reportingInstance: "node-1",
      },
    ]);
  });

  it("record() counts the same sentence up on one Event, and keeps its first time", async () => {
    record("again");
    clock.advance(5_000);
    record("again");
    record("again");
    record("other");
    const events = await written();
    expect(countsOf(events)).toEqual({ again: 3, other: 1 });
    expect(events.find(({ message }) => message === "again")).toMatchObject({
      firstTimestamp: "2026-01-01T00:00:00Z",
      lastTimestamp: "2026-01-01T00:00:05Z",
    });
  });

  it("record() keeps objects, types and reasons apart", async () => {
    record("same");
    record("same", { about: about("q") });
    record("same", { type: "Warning" });
    record("same", { reason: "Other" });
    expect((await written()).map(({ count }) => count)).toEqual([1, 1, 1, 1]);
  });

  it("record() combines the tenth and further sentences of one reason", async () => {
    for (let i = 1; i <= 14; i++) record(`sentence ${i}`);
    const events = await written();
    expect(events).toHaveLength(10);
    expect(events.find(({ count }) => count === 5)?.message).toBe(
      "(combined from similar events): sentence 14",
    );
  });

  it("record() tells sentences apart again once none came for ten minutes", async () => {
    for (let i = 1; i <= 10; i++) record(`sentence ${i}`);
    clock.advance(600_001);
    record("later");
    expect(countsOf(await written())["later"]).toBe(1);
  });

  it("record() holds an object back after 25, lets one in five minutes through, and counts all", async () => {
    for (let i = 1; i <= 40; i++) record("noise");
    record("calm", { about: about("q") });
    expect(countsOf(await written())).toEqual({ noise: 25, calm: 1 });
    clock.advance(300_000);
    record("noise");
    record("noise");
    expect(countsOf(await written())["noise"]).toBe(41);
  });

  it("record() begins an Event again that has expired", async () => {
    record("again");
    const [first] = await written();
    if (!first) throw new Error("no event was written");
    await cluster.client.delete(EVENTS, keyOf(first));
    record("again");
    expect(countsOf(await written())).toEqual({ again: 2 });
  });
});

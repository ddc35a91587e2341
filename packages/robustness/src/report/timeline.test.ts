import { describe, expect, it } from "vitest";
import { exampleRun } from "../../test/support/example-run.js";
import type { Operation } from "../history/history.js";
import type { TraceEvent } from "../trace/trace.js";
import { timelineOf } from "./timeline.js";

const spanText = (run: Parameters<typeof timelineOf>[0], lane: number): string[] =>
  timelineOf(run)
    .spans.filter((span) => span.lane === lane)
    .map(({ fromMs, toMs, label }) => `${fromMs}-${toMs} ${label}`);

describe("timelineOf()", () => {
  it("gives faults, members and clients their lanes", () => {
    expect(timelineOf(exampleRun()).lanes.map(({ name, kind }) => `${kind} ${name}`)).toEqual([
      "faults faults",
      "member m1",
      "member m2",
      "member m3",
      "client client-0",
      "client client-1",
      "client client-2",
    ]);
  });

  it("draws what a member was without a gap, from its start to the run's end", () => {
    expect(spanText(exampleRun(), 2)).toEqual([
      "0-10 started",
      "10-1330 follower t1",
      "1330-9300 follower t2",
      "9300-9350 candidate t3",
      "9350-14000 leader t3",
      "14000-17000 down",
      "17000-17100 started",
      "17100-20000 follower t4",
    ]);
  });

  it("draws a fault from its begin to its end, or to the run's where it never ends", () => {
    const { events } = exampleRun();
    const endless: TraceEvent = { atMs: 15_000, kind: "fault", phase: "begin", text: "disk/full" };
    expect(spanText(exampleRun({ events: [...events, endless] }), 0)).toEqual([
      "8000-11000 network/cut m1 from m2, m3",
      "15000-20000 disk/full",
    ]);
  });

  it("puts what lasts at the same time into rows above each other", () => {
    const fault = (pair: number, atMs: number, phase: "begin" | "end"): TraceEvent => ({
      atMs,
      kind: "fault",
      pair,
      phase,
      text: `fault ${pair}`,
    });
    const events = [
      fault(1, 0, "begin"),
      fault(2, 5, "begin"),
      fault(1, 10, "end"),
      fault(3, 10, "begin"),
      fault(2, 20, "end"),
      fault(3, 30, "end"),
    ];
    const { spans, lanes } = timelineOf(exampleRun({ events }));
    const faults = spans.filter(({ lane }) => lane === 0);
    expect(faults.map(({ text, row }) => `${text} row ${row}`)).toEqual([
      "fault 1 row 0",
      "fault 2 row 1",
      "fault 3 row 0",
    ]);
    expect(lanes[0]?.rows).toBe(2);
  });

  it("joins the ends of messages, and knows the lost ones", () => {
    const { arrows } = timelineOf(exampleRun());
    const at = (ms: number): string[] =>
      arrows
        .filter(({ fromMs }) => fromMs === ms)
        .map(({ from, to, toMs, isLost }) => `${from}→${to} ${toMs - ms} ${isLost ? "lost" : ""}`);
    expect(at(7_900)).toEqual(
      ["1→2 9 ", "1→3 10 "].map(() => expect.stringMatching(/^1→[23] \d+ $/)),
    );
    expect(at(8_500)).toEqual([expect.stringContaining("lost"), expect.stringContaining("lost")]);
    expect(at(10_500).map((text) => text.includes("lost"))).toEqual([true, false]);
  });

  it("takes calls from the events where there is no history", () => {
    const events: TraceEvent[] = [
      { atMs: 1, kind: "client", who: "c1", phase: "begin", pair: 1, text: "put a" },
      { atMs: 2, kind: "client", who: "c2", phase: "begin", pair: 2, text: "put b" },
      { atMs: 3, kind: "client", who: "c1", phase: "end", pair: 1, text: "revision 2" },
      { atMs: 4, kind: "client", who: "c2", phase: "lost", pair: 2, text: "connection broke" },
    ];
    const { history: _, ...run } = exampleRun({ events });
    const { spans } = timelineOf(run);
    expect(spans.map(({ style, text }) => `${style} ${text}`)).toEqual([
      "answered put a: revision 2",
      "unknown put b: connection broke",
    ]);
  });

  it("draws a call without an answer until its client's next one, or the run's end", () => {
    const call = (client: string, calledMs: number): Operation => ({
      client,
      member: "m1",
      calledAt: calledMs,
      calledMs,
      returnedAt: undefined,
      returnedMs: undefined,
      request: { kind: "put", key: "k\u202e", value: `${calledMs}` },
      outcome: { kind: "unknown", error: "deadline exceeded" },
    });
    const operations = [call("c1", 100), call("c2", 150), call("c1", 300)];
    const history = { operations, watches: [], leases: [] };
    expect(spanText(exampleRun({ history }), 4)).toEqual([
      '100-300 put k\\u{202e} "100"',
      '300-20000 put k\\u{202e} "300"',
    ]);
  });

  it("draws watches and leases on their clients' lanes", () => {
    const watch = {
      client: "c1",
      member: "m1",
      key: "a",
      rangeEnd: "b",
      startRevision: 0,
      prevKv: false,
      progressNotify: false,
      fragment: false,
      filters: [],
      createdMs: 100,
      responses: [{ atMs: 400, at: 1, headerRevision: 2, events: [] }],
      reachedEnd: false,
    };
    const lease = {
      id: "77",
      client: "c1",
      ttlMs: 2_000,
      grantCalledMs: 50,
      grantedMs: 60,
      renewals: [{ calledMs: 500, answeredMs: 510, ttlMs: 2_000 }],
      keys: ["x"],
    };
    const history = { operations: [], watches: [watch], leases: [lease] };
    expect(spanText(exampleRun({ history }), 4)).toEqual([
      "50-2510 lease 77",
      "100-400 watch [a, b)",
    ]);
  });

  it("keeps what is nearest to the violation where there is too much, and counts the rest", () => {
    const events: TraceEvent[] = Array.from({ length: 100_010 }, (_, atMs) => ({
      atMs,
      kind: "client",
      text: "call",
    }));
    const violations = [{ guarantee: "g", text: "t", atMs: 100_000 }];
    const { history: _, ...run } = exampleRun({ events, violations, durationMs: 100_010 });
    const timeline = timelineOf(run);
    expect(timeline.leftOut).toEqual({ messages: 0, events: 10 });
    expect(timeline.events[0]?.atMs).toBe(10);
  });
});

import { describe, expect, it } from "vitest";
import { exampleRun } from "../../test/support/example-run.js";
import type { TraceEvent } from "../trace/trace.js";
import { textWidth } from "./clean-text.js";
import { renderTable } from "./table.js";

const members = ["m1", "m2", "m3"];

function lines(
  events: readonly TraceEvent[],
  more: Partial<Parameters<typeof renderTable>[1]> = {},
) {
  return renderTable(events, { members, ...more })
    .trimEnd()
    .split("\n");
}

describe("renderTable()", () => {
  it("shows what every member is at each event", () => {
    const { events, violations } = exampleRun();
    expect(`\n${renderTable(events, { members, violations, width: 90 })}`).toMatchInlineSnapshot(`
      "
      violated: linearizable at 12.345s: range of k1 at 12.345 s answers v17,
        although put v18 was answered at 11.020 s
            time  m1   m2     m3   kind
          0.000s  -*   -      -    process   ┌ m1 starts
          0.000s  -    -*     -    process   ┌ m2 starts
          0.000s  -    -      -*   process   ┌ m3 starts
          0.010s  f1*  -      -    raft        m1 follower, term 1
          0.010s  f1   f1*    -    raft        m2 follower, term 1
          0.010s  f1   f1     f1*  raft        m3 follower, term 1
          1.200s  p1*  f1     f1   raft        m1 pre-candidate, term 1
          1.260s  c2*  f1     f1   raft        m1 candidate, term 2
          1.320s  L2*  f1     f1   raft        m1 leader, term 2
          1.330s  L2   f2*    f1   raft        m2 follower, term 2
          1.331s  L2   f2     f2*  raft        m3 follower, term 2
          8.000s  L2   f2     f2   fault     ┌ network/cut m1 from m2, m3
          8.400s  L2   f2     f2*  disk        m3 sync takes 380 ms
          9.300s  L2   c3*    f2   raft        m2 candidate, term 3
          9.350s  L2   L3*    f2   raft        m2 leader, term 3
          9.360s  L2   L3     f3*  raft        m3 follower, term 3
         10.100s  f2*  L3     f3   raft        m1 follower, term 2
         11.000s  f2   L3     f3   fault     └ network/cut m1 from m2, m3
         11.050s  f3*  L3     f3   raft        m1 follower, term 3
         12.345s  f3   L3     f3   violation   linearizable: range of k1 answers v17
         14.000s  f3   L3*    f3   fault       m2 process/kill m2
         14.000s  f3   down*  f3   process   └ m2 is killed
         15.200s  f3   down   p3*  raft        m3 pre-candidate, term 3
         15.250s  f3   down   c4*  raft        m3 candidate, term 4
         15.300s  f3   down   L4*  raft        m3 leader, term 4
         15.310s  f4*  down   L4   raft        m1 follower, term 4
         17.000s  f4   -*     L4   process   ┌ m2 starts
         17.100s  f4   f4*    L4   raft        m2 follower, term 4
      … 576 other events left out (576 message)
      … 116 later events left out (116 message)
      L leader, f follower, c candidate, p pre-candidate, with the term; down; * here, > sends, < receives
      "
    `);
  });

  it("gives messages rows where asked, with an end on each lane", () => {
    const { events } = exampleRun();
    const window = events.filter(({ atMs }) => atMs >= 7_900 && atMs < 8_050);
    const rows = lines(window, { kinds: ["message", "fault"] });
    expect(`\n${rows.join("\n")}`).toMatchInlineSnapshot(`
      "
            time  m1  m2  m3  kind
          7.900s  ->  -   -   message   ┌ m1→m2 heartbeat
          7.900s  ->  -   -   message   ┌ m1→m3 heartbeat
          7.909s  -   -<  -   message   └ m1→m2 heartbeat
          7.910s  -   -   -<  message   └ m1→m3 heartbeat
          8.000s  -   -   -   fault     ┌ network/cut m1 from m2, m3
          8.000s  ->  -   -   message   ┌ m1→m2 heartbeat
          8.000s  ->  -   -   message   ┌ m1→m3 heartbeat
          8.011s  -   -<  -   message   ✗ m1→m2 heartbeat
          8.012s  -   -   -<  message   ✗ m1→m3 heartbeat
      L leader, f follower, c candidate, p pre-candidate, with the term; down; * here, > sends, < receives"
    `);
  });

  it("gives a client's operation a row where its answer came, on the lane of who was asked", () => {
    const { events, history } = exampleRun();
    const window = events.filter(({ atMs }) => atMs < 1_650);
    const early = history?.operations.filter(({ calledMs }) => calledMs < 1_650) ?? [];
    const [first] = early;
    const operations = [
      ...early,
      ...(first
        ? [{ ...first, calledMs: 1_600, returnedMs: undefined, returnedAt: undefined }]
        : []),
    ];
    const rows = lines(window, {
      kinds: ["client"],
      history: { operations, watches: [], leases: [] },
    });
    expect(`\n${rows.join("\n")}`).toMatchInlineSnapshot(`
      "
            time  m1   m2   m3  kind
      … 19 earlier events left out (8 raft, 8 message, 3 process)
          1.520s  L2*  f2   f2  client    └ client-0→m1 [0, 1] put k0 "v0" → revision 2
          1.600s  L2*  f2   f2  client    ✗ client-0→m1 [0, ?] put k0 "v0" → revision 2
          1.603s  L2   f2*  f2  client    └ client-1→m2 [2, 3] range k1 → revision 3
      … 2 other events left out (2 message)
      … 2 later events left out (2 message)
      L leader, f follower, c candidate, p pre-candidate, with the term; down; * here, > sends, < receives"
    `);
  });

  it("keeps the rows that lead to the violation, and counts the others", () => {
    const events: TraceEvent[] = Array.from({ length: 1_000 }, (_, atMs) =>
      atMs === 700
        ? { atMs, kind: "violation", text: "here" }
        : { atMs, kind: atMs % 2 === 0 ? "client" : "message", who: "m1", text: `event ${atMs}` },
    );
    const rows = lines(events, { rowsMax: 8 });
    expect(rows[1]).toBe("… 690 earlier events left out (345 client, 345 message)");
    expect(rows.filter((row) => row.includes("violation   here"))).toHaveLength(1);
    expect(rows.findIndex((row) => row.includes("violation"))).toBe(7);
    expect(rows.slice(-4, -1)).toEqual([
      expect.stringContaining("event 704"),
      "… 7 other events left out (7 message)",
      "… 295 later events left out (148 message, 147 client)",
    ]);
    expect(rows).toHaveLength(8 + 5);
  });

  it("fills up from the other side where the violation is near an end", () => {
    const events: TraceEvent[] = Array.from({ length: 50 }, (_, atMs) => ({
      atMs,
      kind: atMs === 1 ? "violation" : "client",
      text: `event ${atMs}`,
    }));
    const rows = lines(events, { rowsMax: 10 });
    expect(rows.filter((row) => / event \d+$/.test(row))).toHaveLength(10);
    const tail = lines(events, { rowsMax: 10, kinds: ["client"] });
    expect(tail.at(-2)).toContain("event 49");
  });

  it("knows a lane's state from events that have no row any more", () => {
    const events: TraceEvent[] = [
      { atMs: 0, kind: "raft", who: "m2", role: "leader", term: 7, text: "leader, term 7" },
      { atMs: 1, kind: "client", text: "put" },
    ];
    expect(lines(events, { rowsMax: 1 }).find((row) => row.includes("put"))).toContain("L7");
  });

  it("is never wider than the terminal, and never obeys what it shows", () => {
    const text = "put k = \u001b[31m사공\r\nrow two\u202e\u009b2J ".repeat(9);
    const who = "m1\n\u001b[1m";
    const rows = lines([{ atMs: 1, kind: "client", who, text }], {
      members: ["m1", who],
      width: 100,
      violations: [{ guarantee: "a\u001b[2J", text: "first\nsecond\u0007" }],
    });
    expect(rows.join("\n")).not.toMatch(/[^\n\P{Cc}]|\u202e/u);
    expect(rows.slice(0, 2)).toEqual(["violated: a\\x1b[2J: first", "  second\\x07"]);
    expect(Math.max(...rows.slice(2, -1).map(textWidth))).toBe(100);
  });

  it("colours only where asked, and whole lines", () => {
    const { events, violations } = exampleRun();
    const plain = renderTable(events, { members, violations });
    const colored = renderTable(events, { members, violations, isColored: true });
    expect(plain).not.toContain("\u001b");
    expect(colored).toContain("\u001b[1;31m");
    // oxlint-disable-next-line no-control-regex -- the escape is what is looked for.
    expect(colored.replaceAll(/\u001b\[[\d;]*m/g, "")).toBe(plain);
  });

  it("says so where nothing happened", () => {
    expect(lines([])).toHaveLength(2);
  });
});

import { describe, expect, it } from "vitest";
import { checkEvents, type KvEvent } from "./check-events.js";
import type { KvSpan } from "./kv-history.js";

const at = { client: "c", calledAt: 1, returnedAt: 2 } as const;
const lost = { client: "c", calledAt: 1, returnedAt: undefined } as const;

const history: readonly KvSpan[] = [
  { ...at, key: "x", operation: { kind: "put", value: "a", outcome: { revision: 2 } } },
  { ...at, key: "y", operation: { kind: "put", value: "b", outcome: { revision: 3 } } },
  { ...at, key: "x", operation: { kind: "delete", outcome: { revision: 4, wasThere: true } } },
  { ...lost, key: "x", operation: { kind: "put", value: "c", outcome: undefined } },
  { ...lost, key: "y", operation: { kind: "delete", outcome: undefined } },
];

const events: readonly KvEvent[] = [
  { revision: 2, key: "x", value: "a" },
  { revision: 3, key: "y", value: "b" },
  { revision: 4, key: "x", value: undefined },
];
const late: KvEvent = { revision: 5, key: "x", value: "c" };

describe("checkEvents()", () => {
  it("accepts every acknowledged write, and those of unknown outcome or not", () => {
    expect(checkEvents(history, events)).toEqual([]);
    expect(checkEvents(history, [...events, late])).toEqual([]);
    const deletion: KvEvent = { revision: 6, key: "y", value: undefined };
    expect(checkEvents(history, [...events, late, deletion])).toEqual([]);
  });

  it.each<[string, string, readonly KvEvent[]]>([
    ["a lost write", "An acknowledged write is missing", events.slice(1)],
    ["a lost deletion", "An acknowledged write is missing", events.slice(0, 2)],
    [
      "another value",
      'missing, the put of x "z" at revision 2 is in its place',
      events.with(0, { revision: 2, key: "x", value: "z" }),
    ],
    ["an event that came twice", "came after", [...events, events[2] as KvEvent]],
    ["events out of order", "came after", [...events].reverse()],
    [
      "an operation that was applied twice",
      "or was applied twice",
      [...events, late, { ...late, revision: 6 }],
    ],
    [
      "an event that is nobody's",
      "is nobody's",
      [...events, { revision: 5, key: "x", value: "q" }],
    ],
  ])("refuses %s", (_name, sentence, wrong) => {
    expect(checkEvents(history, wrong).join("\n")).toContain(sentence);
  });
});

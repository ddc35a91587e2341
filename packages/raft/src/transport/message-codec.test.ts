import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Message } from "../core/message.js";
import type { Entry } from "../core/types.js";
import { MessageBatch } from "../gen/raft.js";
import { encodeMessages, messageFromWire } from "./message-codec.js";

const counter = fc.oneof(fc.nat(300), fc.integer({ min: 2 ** 31, max: Number.MAX_SAFE_INTEGER }));
const id = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });
const data = fc.oneof(
  fc.uint8Array({ maxLength: 50 }),
  fc.constantFrom(4_095, 4_096, 5_000).map((length) => new Uint8Array(length).fill(length)),
);
const entry: fc.Arbitrary<Entry> = fc.record({
  index: counter,
  term: counter,
  kind: fc.constantFrom("normal" as const, "conf-change" as const),
  data,
});
const envelope = { from: id, to: id, term: counter };
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    ...envelope,
    kind: fc.constant("append" as const),
    prevIndex: counter,
    prevTerm: counter,
    commit: counter,
    entries: fc.array(entry, { maxLength: 4 }),
  }),
  fc.record({
    ...envelope,
    kind: fc.constant("propose" as const),
    data: fc.array(data, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    ...envelope,
    kind: fc.constant("heartbeat" as const),
    commit: counter,
    round: counter,
  }),
  fc.record({
    ...envelope,
    kind: fc.constantFrom("vote" as const, "pre-vote" as const),
    lastIndex: counter,
    lastTerm: counter,
    transfer: fc.boolean(),
  }),
  fc.record({
    ...envelope,
    kind: fc.constant("append-response" as const),
    index: counter,
    rejected: fc.boolean(),
    hintIndex: counter,
    hintTerm: counter,
  }),
);

/** With bytes as text: comparing arrays of numbers takes seconds. */
const comparable = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, one: unknown) => {
      if (typeof one === "bigint") return String(one);
      return one instanceof Uint8Array ? Buffer.from(one).toString("base64") : one;
    }),
  );

describe("encodeMessages()", () => {
  it("writes what the generated code reads as the same messages, in order", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), (messages) => {
        const bytes = new Uint8Array(Buffer.concat(encodeMessages(messages).parts));
        const read = MessageBatch.decode(bytes).messages.map(messageFromWire);
        expect(read.map(comparable)).toEqual(messages.map(comparable));
      }),
    );
  });

  it("shares a large entry's bytes between peers", () => {
    const entries: Entry[] = [{ index: 1, term: 1, kind: "normal", data: new Uint8Array(50_000) }];
    for (const to of [2n, 3n]) {
      const append = { from: 1n, to, term: 1, prevIndex: 0, prevTerm: 0, commit: 0 };
      const { parts } = encodeMessages([{ ...append, kind: "append", entries }]);
      expect(parts).toContain(entries[0]?.data);
    }
  });
});

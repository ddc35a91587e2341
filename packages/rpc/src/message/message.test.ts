import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MessageDecodeError } from "./decode-error.js";
import { messageType } from "./define-message.js";
import type { MessageType } from "./message-type.js";
import type { Reader } from "./reader.js";
import type { Writer } from "./writer.js";

interface Node {
  readonly number: number;
  readonly id: bigint;
  readonly bytes: Uint8Array;
  readonly child: Node | undefined;
}

const Node: MessageType<Node> = messageType("test.Node", {
  create: (fields = {}) => ({
    number: fields.number ?? 0,
    id: fields.id ?? 0n,
    bytes: fields.bytes ?? new Uint8Array(0),
    child: fields.child,
  }),
  write(message: Node, writer: Writer): void {
    writer.uint32(8);
    writer.int64(message.number);
    writer.uint32(16);
    writer.int64Big(message.id);
    writer.uint32(26);
    writer.bytes(message.bytes);
    if (message.child) {
      writer.uint32(34);
      writer.message(Node, message.child);
    }
  },
  read(reader: Reader, end: number): Node {
    let [number, id, bytes] = [0, 0n, new Uint8Array(0) as Uint8Array];
    let child: Node | undefined;
    while (reader.position < end) {
      const tag = reader.tag();
      if (tag === 8) number = reader.int64();
      else if (tag === 16) id = reader.int64Big();
      else if (tag === 26) bytes = reader.bytes();
      else if (tag === 34) child = reader.message(Node);
      else reader.skip(tag);
    }
    return { number, id, bytes, child };
  },
});

const node = fc.letrec<{ node: Node; leaf: Node }>((tie) => ({
  node: fc.record({
    number: fc.maxSafeInteger(),
    id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    bytes: fc.uint8Array({ maxLength: 20_000 }).map((bytes) => Uint8Array.from(bytes)),
    child: fc.option(tie("node"), { nil: undefined, maxDepth: 4 }),
  }),
  leaf: fc.constant(Node.create()),
})).node;

/** The class of what `action` throws; undefined where it does not. */
function faultOf(action: () => void): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.constructor : error;
  }
}

describe("messageType()", () => {
  it("decode() inverts encode(), whatever the nesting and the lengths", () => {
    fc.assert(
      fc.property(node, (message) => {
        expect(Node.decode(Node.encode(message))).toEqual(message);
      }),
      { numRuns: 50 },
    );
  });

  it("decode() refuses or accepts any bytes, but never hangs or breaks otherwise", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect([undefined, MessageDecodeError]).toContain(faultOf(() => Node.decode(bytes)));
      }),
    );
  });

  it("decode() names the message and the offset of a fault", () => {
    expect(() => Node.decode(Uint8Array.of(26, 5, 1))).toThrow(
      "Cannot decode test.Node: a field of 5 bytes where 1 are left at offset 2 of 3",
    );
    expect(() => Node.decode(new Uint8Array(11).fill(0xff))).toThrow("more than ten bytes");
  });

  it("decode() refuses nesting that would use up the stack", () => {
    let message = Node.create();
    for (let i = 0; i < 101; i++) message = Node.create({ child: message });
    expect(() => Node.decode(Node.encode(message))).toThrow("nested more than 100 deep");
  });

  it("64-bit numbers beyond 2^53 keep their order", () => {
    const max = Node.decode(Node.encode(Node.create({ number: 2 ** 63 })));
    expect(max.number).toBeGreaterThan(2 ** 62);
  });
});

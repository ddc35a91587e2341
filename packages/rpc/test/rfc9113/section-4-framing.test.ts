/** RFC 9113 §4: frame format, frame size, and field blocks. */
import { describe, expect, it } from "vitest";
import {
  ACK,
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  headers,
  PADDED,
  ping,
  priority,
  PRIORITY,
  pushPromise,
  rstStream,
  settings,
  TRAILER_BLOCK,
  Type,
  unknown,
  windowUpdate,
} from "../support/frame-bytes.js";
import { rules } from "../support/rules.js";
import { SUBJECTS, verdict } from "../support/subject.js";

const MAX = 16_384;

rules("RFC 9113 §4.1 frame format", [
  {
    name: "§4.1: frames of unknown types MUST be ignored, on any stream in any state",
    send: (talk) => [
      unknown(0),
      unknown(talk.stream(talk.receiving)),
      unknown(talk.stream("closed by our RST_STREAM")),
      unknown(101),
      unknown(100),
    ],
    expected: "none",
  },
  {
    name: "§4.1: a frame of an unknown type may be empty, and as large as any",
    send: () => [
      frame({ type: 0x42 }),
      frame({ type: 0xff, streamId: 7, payload: new Uint8Array(MAX) }),
    ],
    expected: "none",
  },
  {
    name: "§4.1: unused flags MUST be ignored",
    send: (talk) => {
      const open = talk.stream(talk.receiving);
      return [
        frame({ type: Type.data, flags: 0xff & ~(END_STREAM | PADDED), streamId: open }),
        frame({ type: Type.priority, flags: 0xff, streamId: open, payload: [0, 0, 0, 0, 1] }),
        frame({ type: Type.settings, flags: 0xff & ~ACK }),
        ping(0xff & ~ACK),
        frame({ type: Type.windowUpdate, flags: 0xff, payload: [0, 0, 0, 1] }),
        frame({
          type: Type.headers,
          flags: 0xff & ~(PADDED | PRIORITY),
          streamId: open,
          payload: TRAILER_BLOCK,
        }),
      ];
    },
    expected: "none",
  },
  {
    name: "§4.1: the reserved bit MUST be ignored, in stream numbers and in increments",
    send: (talk) => {
      const open = talk.stream(talk.receiving);
      return [
        data(open | 0x80000000, 1),
        frame({ type: Type.ping, streamId: 0x80000000, payload: new Uint8Array(8) }),
        frame({ type: Type.windowUpdate, streamId: open, payload: [0x80, 0, 0, 1] }),
        frame({ type: Type.priority, streamId: open, payload: [0x80, 0, 0, 0, 1] }),
      ];
    },
    expected: "none",
  },
]);

describe.each([...SUBJECTS])("RFC 9113 §4.1 unused flags, as a %s", (subject) => {
  it("§4.1: SETTINGS and PING with unused flags are answered like any", () => {
    const talk = subject.connect();
    talk.send(frame({ type: Type.settings, flags: 0xff & ~ACK }), ping(0xff & ~ACK));
    expect(talk.frames).toMatchObject([{ kind: "settings-ack" }, { kind: "ping", isAck: true }]);
  });
});

rules("RFC 9113 §4.2 frame size", [
  {
    name: "§4.2: MUST take payloads of 16,384 bytes: DATA",
    send: (talk) => [data(talk.stream(talk.receiving), MAX)],
    expected: "none",
  },
  {
    name: "§4.2: MUST take payloads of 16,384 bytes: HEADERS",
    send: (talk) => {
      // A literal of 16,370 octets, padded with whole fields to exactly the size.
      const field = [0x00, 0x01, 0x61, 0x7f, 0xf3, 0x7e, ...new Uint8Array(16_370).fill(0x62)];
      const fill = MAX - field.length;
      const rest = [0x00, 0x01, 0x63, fill - 4, ...new Uint8Array(fill - 4).fill(0x64)];
      return [headers(talk.stream(talk.receiving), [...field, ...rest], END_HEADERS | END_STREAM)];
    },
    expected: "none",
  },
  {
    name: "§4.2: a larger payload MUST be a FRAME_SIZE_ERROR: DATA",
    send: (talk) => [data(talk.stream(talk.receiving), MAX + 1)],
    expected: "connection: FRAME_SIZE_ERROR",
  },
  {
    name: "§4.2: a larger payload MUST be a FRAME_SIZE_ERROR of the connection: HEADERS",
    send: (talk) => [headers(talk.stream(talk.receiving), new Uint8Array(MAX + 1).fill(0x82))],
    expected: "connection: FRAME_SIZE_ERROR",
  },
  {
    name: "§4.2: a larger payload MUST be a FRAME_SIZE_ERROR of the connection: SETTINGS",
    send: () => [frame({ type: Type.settings, payload: new Uint8Array(MAX + 2) })],
    expected: "connection: FRAME_SIZE_ERROR",
  },
  {
    name: "§4.2: a larger payload MUST be a FRAME_SIZE_ERROR: an unknown type, by its header alone",
    send: () => [frame({ type: 0xfa, length: 0xffffff })],
    expected: "connection: FRAME_SIZE_ERROR",
  },
  {
    name: "§4.2: too small for its mandatory fields MUST be a FRAME_SIZE_ERROR: DATA without its pad length",
    send: (talk) => [
      frame({ type: Type.data, flags: PADDED, streamId: talk.stream(talk.receiving) }),
    ],
    expected: "connection: FRAME_SIZE_ERROR",
  },
  {
    name: "§4.2: too small for its mandatory fields MUST be a FRAME_SIZE_ERROR: HEADERS without its priority",
    send: (talk) => [
      headers(talk.stream(talk.receiving), [0, 0, 0, 0], END_HEADERS | END_STREAM | PRIORITY),
    ],
    expected: "connection: FRAME_SIZE_ERROR",
  },
  {
    name: "§4.2: too small for its mandatory fields MUST be a FRAME_SIZE_ERROR: GOAWAY of 7 bytes",
    send: () => [frame({ type: Type.goaway, payload: new Uint8Array(7) })],
    expected: "connection: FRAME_SIZE_ERROR",
  },
]);

rules(
  "RFC 9113 §4.3 field blocks",
  (
    [
      ["DATA", (id: number) => data(id)],
      ["HEADERS of another stream", (id: number) => headers(id + 2, [0x82, 0x86, 0x84])],
      ["HEADERS again", (id: number) => headers(id, TRAILER_BLOCK)],
      ["PRIORITY", priority],
      ["RST_STREAM", (id: number) => rstStream(id)],
      ["SETTINGS", () => settings()],
      ["PUSH_PROMISE", (id: number) => pushPromise(id, 2)],
      ["PING", () => ping()],
      ["GOAWAY", () => frame({ type: Type.goaway, payload: new Uint8Array(8) })],
      ["WINDOW_UPDATE", () => windowUpdate(0, 1)],
      ["CONTINUATION of another stream", (id: number) => continuation(id + 2, TRAILER_BLOCK)],
      ["an unknown type (§5.5)", unknown],
    ] as const
  ).map(([what, make]) => ({
    name: `§4.3, §6.2, §6.10: within a field block MUST be a PROTOCOL_ERROR: ${what}`,
    send: (talk) => {
      const id = talk.stream(talk.receiving);
      return [headers(id, TRAILER_BLOCK.slice(0, 2), END_STREAM), make(id)];
    },
    expected: "connection: PROTOCOL_ERROR",
  })),
);

rules("RFC 9113 §4.3 field blocks", [
  {
    name: "§4.3: a decoding error MUST be a COMPRESSION_ERROR of the connection",
    send: (talk) => [headers(talk.stream(talk.receiving), [0x80], END_HEADERS | END_STREAM)],
    expected: "connection: COMPRESSION_ERROR",
  },
  {
    name: "§4.3: also where the block is of a stream that is closed",
    send: (talk) => [headers(talk.stream("closed by our RST_STREAM"), [0xff, 0xff, 0xff, 0xff])],
    expected: "connection: COMPRESSION_ERROR",
  },
  {
    name: "§4.3: also where the fault lies across two fragments",
    send: (talk) => {
      const id = talk.stream(talk.receiving);
      return [headers(id, [0x00, 0x05, 0x61], END_STREAM), continuation(id, [0x62])];
    },
    expected: "connection: COMPRESSION_ERROR",
  },
  {
    name: "§4.3: a block cut anywhere, in empty fragments too, is one block",
    send: (talk) => {
      const id = talk.stream(talk.receiving);
      const cut = TRAILER_BLOCK.map((byte) => continuation(id, [byte], 0));
      return [headers(id, [], END_STREAM), ...cut, continuation(id, [])];
    },
    expected: "none",
  },
]);

describe.each([...SUBJECTS])("RFC 9113 §4.3 one compression context, as a %s", (subject) => {
  it("§4.3, §5.1: blocks of a stream that we reset MUST still change the table", () => {
    const talk = subject.connect();
    const gone = talk.stream("closed by our RST_STREAM");
    const next = talk.stream(talk.receiving);
    // Adds `a: b` to the table; 0xbe, its first entry, is an error where this was lost.
    talk.send(headers(gone, [0x40, 0x01, 0x61, 0x01, 0x62], END_HEADERS | END_STREAM));
    talk.send(headers(next, [0xbe], END_HEADERS | END_STREAM));
    expect(verdict(talk)).toBe("none");
  });
});

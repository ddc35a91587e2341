/** RFC 9113 §6.1 to §6.4, §6.6, §6.10: what single frames of streams may not be. */
import { describe, expect, it } from "vitest";
import {
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  headers,
  PADDED,
  ping,
  PRIORITY,
  priority,
  pushPromise,
  rstStream,
  TRAILER_BLOCK,
  Type,
  uint32,
} from "../support/frame-bytes.js";
import { type Rule, rules } from "../support/rules.js";
import { SUBJECTS, verdict } from "../support/subject.js";

const PROTOCOL = "connection: PROTOCOL_ERROR";
const SIZE = "connection: FRAME_SIZE_ERROR";

/** A frame with a pad length and as many zeros after `content`. */
function padded(
  type: number,
  streamId: number,
  {
    content,
    padding,
    flags = 0,
  }: { readonly content: readonly number[]; readonly padding: number; readonly flags?: number },
): Uint8Array {
  const payload = [padding, ...content, ...new Uint8Array(padding)];
  return frame({ type, flags: flags | PADDED, streamId, payload });
}

rules("RFC 9113 §6.1 DATA", [
  {
    name: "§6.1: on stream 0 MUST be a PROTOCOL_ERROR",
    send: () => [data(0)],
    expected: PROTOCOL,
  },
  {
    name: "§6.1: not of an open stream MUST be STREAM_CLOSED",
    send: (talk) => [data(talk.stream("closed by END_STREAM"))],
    expected: "connection: STREAM_CLOSED",
  },
  {
    name: "§6.1: padding as long as the payload MUST be a PROTOCOL_ERROR",
    send: (talk) => [
      frame({
        type: Type.data,
        flags: PADDED,
        streamId: talk.stream(talk.receiving),
        payload: [4, 0, 0, 0],
      }),
    ],
    expected: PROTOCOL,
  },
  {
    name: "§6.1: padding longer than the payload MUST be a PROTOCOL_ERROR",
    send: (talk) => [
      frame({
        type: Type.data,
        flags: PADDED,
        streamId: talk.stream(talk.receiving),
        payload: [255, 0],
      }),
    ],
    expected: PROTOCOL,
  },
  {
    name: "§6.1: padding of every length is taken, with content and without",
    send: (talk) => {
      const id = talk.stream(talk.receiving);
      return [0, 1, 254, 255].flatMap((padding) => [
        padded(Type.data, id, { content: [], padding }),
        padded(Type.data, id, { content: [1], padding }),
      ]);
    },
    expected: "none",
  },
]);

rules("RFC 9113 §6.2 HEADERS", [
  {
    name: "§6.2: on stream 0 MUST be a PROTOCOL_ERROR",
    send: () => [headers(0, TRAILER_BLOCK)],
    expected: PROTOCOL,
  },
  {
    name: "§6.2: padding as long as the payload MUST be a PROTOCOL_ERROR",
    send: (talk) => [
      headers(talk.stream(talk.receiving), [4, 0x88, 0, 0], PADDED | END_HEADERS | END_STREAM),
    ],
    expected: PROTOCOL,
  },
  {
    name: "§6.2: padding that reaches into the priority MUST be a PROTOCOL_ERROR",
    send: (talk) => [
      headers(
        talk.stream(talk.receiving),
        [3, 0, 0, 0, 0, 16, 0, 0],
        PADDED | PRIORITY | END_HEADERS | END_STREAM,
      ),
    ],
    expected: PROTOCOL,
  },
  {
    name: "§6.2: padding and priority are taken off the field block",
    send: (talk) => [
      padded(Type.headers, talk.stream(talk.receiving), {
        content: [0, 0, 0, 0, 16, ...TRAILER_BLOCK],
        padding: 255,
        flags: PRIORITY | END_HEADERS | END_STREAM,
      }),
    ],
    expected: "none",
  },
  {
    name: "§5.3.2: a stream that depends on itself is no error any more: priorities are ignored",
    send: (talk) => {
      const id = talk.stream(talk.receiving);
      return [
        frame({ type: Type.priority, streamId: id, payload: [...uint32(id), 1] }),
        headers(id, [...uint32(id), 1, ...TRAILER_BLOCK], PRIORITY | END_HEADERS | END_STREAM),
      ];
    },
    expected: "none",
  },
]);

const sizes = (type: number, allowed: number): Rule[] =>
  [0, allowed - 1, allowed + 1, 100].map((bytes) => ({
    name: `of ${bytes} bytes MUST be a FRAME_SIZE_ERROR`,
    send: (talk) => [
      frame({ type, streamId: talk.stream(talk.receiving), payload: new Uint8Array(bytes) }),
    ],
    expected: SIZE,
  }));

rules("RFC 9113 §6.3 PRIORITY", [
  {
    name: "§6.3: on stream 0 MUST be a PROTOCOL_ERROR",
    send: () => [priority(0)],
    expected: PROTOCOL,
  },
  ...sizes(Type.priority, 5).map((rule) => ({
    ...rule,
    name: `§6.3: ${rule.name} of its stream`,
    expected: "stream %: FRAME_SIZE_ERROR",
  })),
]);

rules("RFC 9113 §6.4 RST_STREAM", [
  {
    name: "§6.4: on stream 0 MUST be a PROTOCOL_ERROR",
    send: () => [rstStream(0)],
    expected: PROTOCOL,
  },
  {
    name: "§6.4: on an idle stream MUST be a PROTOCOL_ERROR",
    send: () => [rstStream(99)],
    expected: PROTOCOL,
  },
  ...sizes(Type.rstStream, 4).map((rule) => ({ ...rule, name: `§6.4: ${rule.name}` })),
]);

rules("RFC 9113 §6.6, §8.4 PUSH_PROMISE, which we forbid", [
  {
    name: "§8.4: a server MUST take it for a PROTOCOL_ERROR, a client that forbids push too (§6.5.2)",
    send: (talk) => [pushPromise(talk.stream(talk.receiving), 2)],
    expected: PROTOCOL,
  },
  {
    name: "§6.6: on stream 0 MUST be a PROTOCOL_ERROR",
    send: () => [pushPromise(0, 2)],
    expected: PROTOCOL,
  },
]);

rules("RFC 9113 §6.10 CONTINUATION", [
  {
    name: "§6.10: on stream 0 MUST be a PROTOCOL_ERROR",
    send: () => [continuation(0, TRAILER_BLOCK)],
    expected: PROTOCOL,
  },
  {
    name: "§6.10: MUST follow HEADERS or CONTINUATION without END_HEADERS: at first",
    send: () => [continuation(1, TRAILER_BLOCK)],
    expected: PROTOCOL,
  },
  {
    name: "§6.10: MUST follow HEADERS or CONTINUATION without END_HEADERS: after a whole block",
    send: (talk) => {
      const id = talk.stream(talk.receiving);
      return [headers(id, TRAILER_BLOCK, END_HEADERS | END_STREAM), continuation(id, [])];
    },
    expected: PROTOCOL,
  },
  {
    name: "§6.10: MUST follow HEADERS or CONTINUATION without END_HEADERS: after the last CONTINUATION",
    send: (talk) => {
      const id = talk.stream(talk.receiving);
      return [headers(id, TRAILER_BLOCK, END_STREAM), continuation(id, []), continuation(id, [])];
    },
    expected: PROTOCOL,
  },
  {
    name: "§6.10: MUST follow HEADERS or CONTINUATION without END_HEADERS: after DATA",
    send: (talk) => {
      const id = talk.stream(talk.receiving);
      return [data(id), continuation(id, TRAILER_BLOCK)];
    },
    expected: PROTOCOL,
  },
  {
    name: "§6.10: END_STREAM is that of HEADERS: on CONTINUATION the flag means nothing",
    send: (talk) => {
      const id = talk.stream(talk.receiving);
      return [headers(id, TRAILER_BLOCK, 0), continuation(id, [], END_HEADERS | END_STREAM)];
    },
    // Trailers that do not end the stream (§8.1).
    expected: "stream %: PROTOCOL_ERROR",
  },
]);

describe.each([...SUBJECTS])("RFC 9113 §6.4 after RST_STREAM, as a %s", (subject) => {
  it("§6.4: MUST NOT send anything more for the stream, whatever comes for it", () => {
    const talk = subject.connect();
    const id = talk.stream("closed by its RST_STREAM");
    talk.send(rstStream(id), priority(id), ping());
    expect(verdict(talk)).toBe("none");
    expect(talk.frames.map(({ kind }) => kind)).toEqual(["ping"]);
  });
});

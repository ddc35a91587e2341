/** RFC 9113 §5: stream states, stream numbers, concurrency, and how errors are told. */
import { describe, expect, it } from "vitest";
import { ErrorCode } from "../../src/http2/frames/error-code.js";
import { OK, RawClient } from "../../src/http2/testing/raw-client.js";
import {
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  headers,
  ping,
  priority,
  pushPromise,
  REQUEST_BLOCK,
  rstStream,
  TRAILER_BLOCK,
  unknown,
  windowUpdate,
} from "../support/frame-bytes.js";
import { type Rule, rules } from "../support/rules.js";
import { type StreamState, SUBJECTS, verdict } from "../support/subject.js";

const FRAMES: Readonly<Record<string, (id: number) => Uint8Array>> = {
  DATA: (id) => data(id),
  HEADERS: (id) => headers(id, TRAILER_BLOCK, END_HEADERS | END_STREAM),
  PRIORITY: priority,
  RST_STREAM: (id) => rstStream(id),
  WINDOW_UPDATE: (id) => windowUpdate(id, 1),
  CONTINUATION: (id) => continuation(id, TRAILER_BLOCK),
  PUSH_PROMISE: (id) => pushPromise(id, 2),
  unknown,
};

const PROTOCOL = "connection: PROTOCOL_ERROR";
const CLOSED = "connection: STREAM_CLOSED";
/** Everywhere the same: CONTINUATION without HEADERS (§6.10), push that we forbid (§6.6, §8.4). */
const NEVER = { CONTINUATION: PROTOCOL, PUSH_PROMISE: PROTOCOL, PRIORITY: "none", unknown: "none" };

/** §5.1, state by state: what becomes of each frame. */
const STATES: Readonly<Record<StreamState, Readonly<Record<string, string>>>> = {
  open: { ...NEVER, DATA: "none", HEADERS: "none", RST_STREAM: "none", WINDOW_UPDATE: "none" },
  "half-closed (remote)": {
    ...NEVER,
    DATA: "stream %: STREAM_CLOSED",
    HEADERS: "stream %: STREAM_CLOSED",
    RST_STREAM: "none",
    WINDOW_UPDATE: "none",
  },
  "half-closed (local)": {
    ...NEVER,
    DATA: "none",
    HEADERS: "none",
    RST_STREAM: "none",
    WINDOW_UPDATE: "none",
  },
  "closed by END_STREAM": {
    ...NEVER,
    DATA: CLOSED,
    HEADERS: CLOSED,
    RST_STREAM: "none",
    WINDOW_UPDATE: "none",
  },
  "closed by its RST_STREAM": {
    ...NEVER,
    DATA: CLOSED,
    HEADERS: CLOSED,
    RST_STREAM: "none",
    WINDOW_UPDATE: "none",
  },
  "closed by our RST_STREAM": {
    ...NEVER,
    DATA: "none",
    HEADERS: "none",
    RST_STREAM: "none",
    WINDOW_UPDATE: "none",
  },
};

describe.each([...SUBJECTS])("RFC 9113 §5.1 stream states, as a %s", (subject) => {
  const cases = subject.states.flatMap((state) =>
    Object.entries(STATES[state]).map(([name, expected]) => ({ state, name, expected })),
  );
  it.each(cases)("§5.1, $state: $name → $expected", ({ state, name, expected }) => {
    const talk = subject.connect();
    const id = talk.stream(state);
    const bytes = FRAMES[name]?.(id);
    talk.send(bytes ?? new Uint8Array());
    // §8.1: a client has no use for the rest of a request whose answer has ended.
    const isEarly = talk.role === "client" && state === "open" && name === "HEADERS";
    const wanted = isEarly ? "stream %: NO_ERROR" : expected;
    expect(verdict(talk)).toBe(wanted.replace("%", String(id)));
  });
});

const idleRules: readonly Rule[] = ["DATA", "RST_STREAM", "WINDOW_UPDATE", "CONTINUATION"].flatMap(
  (name) => {
    const make = (id: number): Uint8Array => FRAMES[name]?.(id) ?? new Uint8Array();
    const of = (what: string, id: number): Rule => ({
      name: `§5.1, idle: ${name} MUST be a PROTOCOL_ERROR, on ${what}`,
      send: (talk) => {
        talk.stream(talk.receiving);
        return [make(id)];
      },
      expected: PROTOCOL,
    });
    return [
      of("a client's stream that is still to come", 9),
      of("a server's stream, of which there are none", 10),
    ];
  },
);

rules("RFC 9113 §5.1 idle streams", [
  ...idleRules,
  ...["DATA", "RST_STREAM", "WINDOW_UPDATE", "HEADERS"].map((name): Rule => {
    return {
      name: `§5.1, idle: ${name} MUST be a PROTOCOL_ERROR, on a server's stream below open ones`,
      send: (talk) => {
        for (let i = 0; i < 3; i++) talk.stream(talk.receiving);
        return [FRAMES[name]?.(2) ?? new Uint8Array()];
      },
      expected: PROTOCOL,
    };
  }),
  {
    name: "§5.1, idle: PRIORITY is taken on any stream",
    send: () => [priority(1), priority(99), priority(2)],
    expected: "none",
  },
]);

rules("RFC 9113 §5.1.1 stream numbers", [
  {
    name: "§5.1.1: HEADERS of an even number MUST be a PROTOCOL_ERROR",
    role: "server",
    send: () => [headers(2, REQUEST_BLOCK)],
    expected: PROTOCOL,
  },
  {
    name: "§5.1.1: HEADERS of stream 0 MUST be a PROTOCOL_ERROR",
    send: (talk) => [headers(0, talk.block)],
    expected: PROTOCOL,
  },
  {
    name: "§5.1.1: a number below the highest that was opened MUST be a PROTOCOL_ERROR",
    role: "server",
    send: () => [headers(5, REQUEST_BLOCK), headers(3, REQUEST_BLOCK)],
    expected: PROTOCOL,
  },
  {
    name: "§5.1.1: numbers may be skipped, and the highest of all may come",
    role: "server",
    send: () => [
      headers(5, REQUEST_BLOCK),
      headers(99, REQUEST_BLOCK),
      headers(2 ** 31 - 1, REQUEST_BLOCK),
    ],
    expected: "none",
  },
  {
    name: "§5.1.1: a new stream closes the idle ones below it: WINDOW_UPDATE and RST_STREAM are no error",
    role: "server",
    send: () => [headers(5, REQUEST_BLOCK), windowUpdate(3, 1), rstStream(3)],
    expected: "none",
  },
]);

describe("RFC 9113 §5.1.2 concurrency, as a server", () => {
  it("§5.1.2: a stream above the limit is refused, and its block still changes the table", () => {
    const client = new RawClient({ streamsMax: 1 }).open().request(1);
    // `a: b` goes into the table with the refused request.
    client.raw(
      headers(3, [...REQUEST_BLOCK, 0x40, 0x01, 0x61, 0x01, 0x62], END_HEADERS | END_STREAM),
    );
    expect(client.resetOf(3)).toBe(ErrorCode.refusedStream);
    client.connection.respond(1, OK, { endStream: true });
    client
      .read()
      .forget()
      .raw(headers(5, [...REQUEST_BLOCK, 0xbe], END_HEADERS | END_STREAM));
    expect(client.events).toMatchObject([{ kind: "request", streamId: 5 }]);
  });

  it("§5.1.2, §8.7: a refused stream was never told to the application", () => {
    const client = new RawClient({ streamsMax: 1 }).open().request(1).request(3);
    client.data(3, 10).data(3, 10, true);
    expect(client.eventKinds).toEqual(["request"]);
    expect(client.kinds).toEqual(["rst-stream"]);
  });

  it("§5.1.2: streams that are half-closed count, closed ones do not", () => {
    const client = new RawClient({ streamsMax: 2 }).open();
    for (let id = 1; id < 100; id += 2) {
      client.request(id).write((writer) => writer.rstStream(id, ErrorCode.cancel));
    }
    client.request(101).request(103).request(105);
    expect(client.frames).toMatchObject([{ kind: "rst-stream", streamId: 105 }]);
  });
});

describe.each([...SUBJECTS])("RFC 9113 §5.4 errors, as a %s", (subject) => {
  it("§5.4: at most one connection error is told, and nothing after it", () => {
    const talk = subject.connect();
    talk.send(ping(0, [1]), data(0), ping(), windowUpdate(0, 0));
    talk.send(ping(0, [1]), ping());
    expect(talk.frames.map(({ kind }) => kind)).toEqual(["goaway"]);
    expect(talk.eventKinds).toEqual(["closed"]);
  });

  it("§5.4, §5.4.2: at most one stream error is told of a stream", () => {
    const talk = subject.connect();
    const id = talk.stream(talk.receiving);
    talk.send(windowUpdate(id, 0), windowUpdate(id, 0), data(id), headers(id, TRAILER_BLOCK));
    expect(verdict(talk)).toBe(`stream ${id}: PROTOCOL_ERROR`);
    expect(talk.eventKinds).toEqual(["reset"]);
  });

  it("§5.4.2: MUST NOT send RST_STREAM for RST_STREAM, in any state", () => {
    for (const state of subject.states) {
      const talk = subject.connect();
      const id = talk.stream(state);
      talk.send(rstStream(id), rstStream(id), rstStream(id, 0xffff));
      expect(verdict(talk)).toBe("none");
    }
  });

  it("§5.4.2: a stream error leaves the connection and its other streams as they are", () => {
    const talk = subject.connect();
    const [bad, good] = [talk.stream(talk.receiving), talk.stream(talk.receiving)];
    talk.send(windowUpdate(bad, 0), data(good), ping());
    expect(talk.eventKinds).toEqual(["reset", "data"]);
    expect(talk.frames.map(({ kind }) => kind)).toEqual(["rst-stream", "ping"]);
    expect(talk.isClosed).toBe(false);
  });

  it("§5.4.1: SHOULD first send GOAWAY; MUST then close: `closed` is the last event", () => {
    const talk = subject.connect();
    talk.stream(talk.receiving);
    talk.send(data(0));
    expect(verdict(talk)).toBe(PROTOCOL);
  });

  it("§7: unknown error codes MUST NOT cause anything special", () => {
    const talk = subject.connect();
    const id = talk.stream(talk.receiving);
    talk.send(rstStream(id, 0xdeadbeef), ping());
    expect(talk.frames.map(({ kind }) => kind)).toEqual(["ping"]);
    expect(talk.eventKinds).toContain("reset");
  });
});

describe("RFC 9113 §5.4.1, as a server", () => {
  it("§5.4.1: GOAWAY names the last stream that was, or may have been, acted on", () => {
    const client = new RawClient().open().request(1).request(7);
    client.raw(data(0));
    expect(client.frames).toMatchObject([{ kind: "goaway", lastStreamId: 7 }]);
  });

  it("§6.8: MUST NOT raise the last stream from one GOAWAY to the next", () => {
    const client = new RawClient().open().request(1);
    client.connection.shutdown();
    client.read();
    const sent = client.frames.find(({ kind }) => kind === "ping");
    const answer = sent?.kind === "ping" ? sent.data : new Uint8Array(8);
    client.write((writer) => writer.ping(answer, { isAck: true }));
    // Ignored, as it comes after the last stream that was named; then an error.
    client.request(3).raw(data(0));
    const named = client.frames.flatMap((one) => (one.kind === "goaway" ? [one.lastStreamId] : []));
    expect(named).toEqual([2 ** 31 - 1, 1, 1]);
  });
});

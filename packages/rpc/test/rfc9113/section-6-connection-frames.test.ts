/** RFC 9113 §6.5, §6.7 to §6.9: frames of the connection, and windows. */
import { describe, expect, it } from "vitest";
import { ErrorCode } from "../../src/http2/frames/error-code.js";
import { DEFAULT_WINDOW, SettingId, WINDOW_MAX } from "../../src/http2/frames/frame.js";
import { OK, RawClient } from "../../src/http2/testing/raw-client.js";
import {
  ACK,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  goaway,
  headers,
  PADDED,
  ping,
  REQUEST_BLOCK,
  rstStream,
  settings,
  SETTINGS_ACK,
  Type,
  windowUpdate,
} from "../support/frame-bytes.js";
import { rules } from "../support/rules.js";
import { SUBJECTS, verdict } from "../support/subject.js";

const PROTOCOL = "connection: PROTOCOL_ERROR";
const SIZE = "connection: FRAME_SIZE_ERROR";
const FLOW = "connection: FLOW_CONTROL_ERROR";
const { headerTableSize, enablePush, initialWindowSize, maxConcurrentStreams, maxFrameSize } =
  SettingId;

rules("RFC 9113 §6.5 SETTINGS", [
  {
    name: "§6.5: on a stream MUST be a PROTOCOL_ERROR",
    send: (talk) => [frame({ type: Type.settings, streamId: talk.stream(talk.receiving) })],
    expected: PROTOCOL,
  },
  {
    name: "§6.5: an acknowledgement on a stream MUST be a PROTOCOL_ERROR",
    send: () => [frame({ type: Type.settings, flags: ACK, streamId: 1 })],
    expected: PROTOCOL,
  },
  {
    name: "§6.5: an acknowledgement with a payload MUST be a FRAME_SIZE_ERROR",
    send: () => [frame({ type: Type.settings, flags: ACK, payload: [0, 1, 0, 0, 0, 0] })],
    expected: SIZE,
  },
  ...[1, 5, 7, 13].map((bytes) => ({
    name: `§6.5: ${bytes} bytes, no multiple of 6, MUST be a FRAME_SIZE_ERROR`,
    send: () => [frame({ type: Type.settings, payload: new Uint8Array(bytes) })],
    expected: SIZE,
  })),
  {
    name: "§6.5.2: SETTINGS_ENABLE_PUSH other than 0 or 1 MUST be a PROTOCOL_ERROR",
    send: () => [settings([enablePush, 2])],
    expected: PROTOCOL,
  },
  {
    name: "§6.5.2: SETTINGS_ENABLE_PUSH 0 and 1 are a client's choice",
    role: "server",
    send: () => [settings([enablePush, 0]), settings([enablePush, 1])],
    expected: "none",
  },
  {
    name: "§6.5.2: SETTINGS_ENABLE_PUSH 1 of a server MUST be a PROTOCOL_ERROR",
    role: "client",
    send: () => [settings([enablePush, 1])],
    expected: PROTOCOL,
  },
  {
    name: "§6.5.2: SETTINGS_ENABLE_PUSH 0 of a server is allowed",
    role: "client",
    send: () => [settings([enablePush, 0])],
    expected: "none",
  },
  ...[2 ** 31, 2 ** 32 - 1].map((value) => ({
    name: `§6.5.2: SETTINGS_INITIAL_WINDOW_SIZE ${value} MUST be a FLOW_CONTROL_ERROR`,
    send: () => [settings([initialWindowSize, value])],
    expected: FLOW,
  })),
  ...[0, 16_383, 2 ** 24, 2 ** 32 - 1].map((value) => ({
    name: `§6.5.2: SETTINGS_MAX_FRAME_SIZE ${value} MUST be a PROTOCOL_ERROR`,
    send: () => [settings([maxFrameSize, value])],
    expected: PROTOCOL,
  })),
  {
    name: "§6.5.2: all values at their limits are taken",
    send: () => [
      settings(
        [headerTableSize, 0],
        [headerTableSize, 2 ** 32 - 1],
        [maxConcurrentStreams, 0],
        [maxConcurrentStreams, 2 ** 32 - 1],
        [initialWindowSize, 0],
        [initialWindowSize, WINDOW_MAX],
        [maxFrameSize, 16_384],
        [maxFrameSize, 2 ** 24 - 1],
        [SettingId.maxHeaderListSize, 0],
        [SettingId.maxHeaderListSize, 2 ** 32 - 1],
      ),
    ],
    expected: "none",
  },
  {
    name: "§6.5.2: unknown settings MUST be ignored",
    send: () => [settings([0, 1], [7, 2 ** 32 - 1], [0x0a0a, 5], [0xffff, 0])],
    expected: "none",
  },
  {
    name: "§6.5.3: values MUST be processed in order: a bad one after good ones is an error all the same",
    send: () => [settings([maxFrameSize, 20_000], [initialWindowSize, 2 ** 31])],
    expected: FLOW,
  },
  {
    name: "§6.9.2: a change that makes a stream's window exceed 2^31-1 MUST be a FLOW_CONTROL_ERROR",
    send: (talk) => {
      const id = talk.stream(talk.receiving);
      return [windowUpdate(id, WINDOW_MAX - DEFAULT_WINDOW), settings([initialWindowSize, 65_536])];
    },
    expected: FLOW,
  },
  {
    name: "§6.9.2: SETTINGS do not move the connection's window",
    send: () => [
      windowUpdate(0, WINDOW_MAX - DEFAULT_WINDOW),
      settings([initialWindowSize, WINDOW_MAX]),
    ],
    expected: "none",
  },
]);

describe.each([...SUBJECTS])("RFC 9113 §6.5.3 synchronization, as a %s", (subject) => {
  it("§6.5.3: each SETTINGS MUST be acknowledged at once, in order with other answers", () => {
    const talk = subject.connect();
    talk.send(ping(), settings(), settings([maxFrameSize, 20_000]), ping());
    expect(talk.frames.map(({ kind }) => kind)).toEqual([
      "ping",
      "settings-ack",
      "settings-ack",
      "ping",
    ]);
  });

  it("§6.5.3: MUST NOT acknowledge an acknowledgement, even one that nothing asked for", () => {
    const talk = subject.connect();
    talk.send(SETTINGS_ACK, SETTINGS_ACK);
    expect(talk.frames).toEqual([]);
    expect(verdict(talk)).toBe("none");
  });
});

rules("RFC 9113 §6.7 PING", [
  {
    name: "§6.7: on a stream MUST be a PROTOCOL_ERROR",
    send: (talk) => [
      frame({ type: Type.ping, streamId: talk.stream(talk.receiving), payload: new Uint8Array(8) }),
    ],
    expected: PROTOCOL,
  },
  ...[0, 7, 9, 16].map((bytes) => ({
    name: `§6.7: of ${bytes} bytes MUST be a FRAME_SIZE_ERROR`,
    send: () => [frame({ type: Type.ping, payload: new Uint8Array(bytes) })],
    expected: SIZE,
  })),
]);

describe.each([...SUBJECTS])("RFC 9113 §6.7 PING, as a %s", (subject) => {
  it("§6.7: MUST be answered with ACK and the same payload, each, in order", () => {
    const talk = subject.connect();
    const payloads = [1, 2, 3].map((n) => [n, 0xff, 0, 0x80, n, n, n, n]);
    talk.send(...payloads.map((payload) => ping(0, payload)));
    expect(talk.frames).toEqual(
      payloads.map((bytes) => ({ kind: "ping", isAck: true, data: Uint8Array.from(bytes) })),
    );
  });

  it("§6.7: MUST NOT answer a PING with ACK, even one that nothing asked for", () => {
    const talk = subject.connect();
    talk.send(ping(ACK), ping(ACK));
    expect(talk.frames).toEqual([]);
    expect(talk.isClosed).toBe(false);
  });
});

rules("RFC 9113 §6.8 GOAWAY", [
  {
    name: "§6.8: on a stream MUST be a PROTOCOL_ERROR",
    send: (talk) => [
      frame({
        type: Type.goaway,
        streamId: talk.stream(talk.receiving),
        payload: new Uint8Array(8),
      }),
    ],
    expected: PROTOCOL,
  },
  {
    name: "§6.8, §7: may carry debug data and an unknown code, which mean nothing",
    role: "server",
    send: () => [frame({ type: Type.goaway, payload: [0x7f, 255, 255, 255, 0xde, 0xad, 0, 0, 1] })],
    expected: "none",
  },
  {
    name: "§6.8: a client without streams has no more use for the connection: GOAWAY, and closed",
    role: "client",
    send: () => [frame({ type: Type.goaway, payload: [0x7f, 255, 255, 255, 0xde, 0xad, 0, 0, 1] })],
    expected: "connection: NO_ERROR",
  },
]);

describe("RFC 9113 §6.8 GOAWAY, as a server", () => {
  it("§6.8: streams that are open go on to their end, and more may come", () => {
    const client = new RawClient().open().request(1, { endStream: false });
    client.raw(goaway(0)).data(1, 10, true).request(3);
    expect(client.eventKinds).toEqual(["request", "data", "request"]);
    for (const id of [1, 3]) client.connection.respond(id, OK, { endStream: true });
    expect(client.read().kinds).toEqual(["headers", "headers"]);
  });

  it("§6.8: after the last GOAWAY, later streams are ignored but change table and window", () => {
    const client = new RawClient({ connectionWindow: 65_536, streamWindow: 65_536 }).open();
    client.request(1, { endStream: false });
    client.connection.shutdown();
    const sent = client.read().frames.find(({ kind }) => kind === "ping");
    const answer = sent?.kind === "ping" ? [...sent.data] : [];
    client.raw(ping(ACK, answer)).forget();
    client.raw(headers(3, [...REQUEST_BLOCK, 0x40, 1, 0x61, 1, 0x62], END_HEADERS));
    // Ten times the connection's window: what is ignored is given back.
    for (let i = 0; i < 50; i++) client.raw(data(3, 13_000));
    // `a: b`, which the ignored request has put into the table, as the trailer of stream 1.
    client.raw(headers(1, [0xbe], END_HEADERS | END_STREAM));
    expect(client.events).toMatchObject([{ kind: "trailers", fields: [{ name: "a" }] }]);
    expect(client.goaway).toBeUndefined();
    expect(client.resetOf(3)).toBeUndefined();
  });

  it("§6.8: an error during shutdown is told with one more GOAWAY", () => {
    const client = new RawClient().open().request(1);
    client.connection.shutdown();
    client.raw(data(0));
    expect(client.frames.filter(({ kind }) => kind === "goaway")).toMatchObject([
      { errorCode: ErrorCode.noError },
      { errorCode: ErrorCode.protocolError, lastStreamId: 1 },
    ]);
  });
});

rules("RFC 9113 §6.9 WINDOW_UPDATE", [
  ...[0, 3, 5, 8].map((bytes) => ({
    name: `§6.9: of ${bytes} bytes MUST be a FRAME_SIZE_ERROR`,
    send: () => [frame({ type: Type.windowUpdate, payload: new Uint8Array(bytes) })],
    expected: SIZE,
  })),
  {
    name: "§6.9: an increment of 0 MUST be a PROTOCOL_ERROR of its stream",
    send: (talk) => [windowUpdate(talk.stream(talk.receiving), 0)],
    expected: "stream %: PROTOCOL_ERROR",
  },
  {
    name: "§6.9: an increment of 0 MUST be a PROTOCOL_ERROR of the connection on stream 0",
    send: () => [windowUpdate(0, 0)],
    expected: PROTOCOL,
  },
  {
    name: "§6.9: an increment of 0 beside the reserved bit is 0 all the same",
    send: () => [frame({ type: Type.windowUpdate, payload: [0x80, 0, 0, 0] })],
    expected: PROTOCOL,
  },
  {
    name: "§6.9: an increment of 0 on a stream that is closed is of no concern any more",
    send: (talk) => [windowUpdate(talk.stream("closed by END_STREAM"), 0)],
    expected: "none",
  },
  {
    name: "§6.9.1: a stream's window above 2^31-1 MUST end the stream with FLOW_CONTROL_ERROR",
    send: (talk) => [windowUpdate(talk.stream(talk.receiving), WINDOW_MAX)],
    expected: "stream %: FLOW_CONTROL_ERROR",
  },
  {
    name: "§6.9.1: a stream's window at exactly 2^31-1 is taken",
    send: (talk) => [windowUpdate(talk.stream(talk.receiving), WINDOW_MAX - DEFAULT_WINDOW)],
    expected: "none",
  },
  {
    name: "§6.9.1: the connection's window above 2^31-1 MUST end the connection with FLOW_CONTROL_ERROR",
    send: () => [windowUpdate(0, WINDOW_MAX - DEFAULT_WINDOW), windowUpdate(0, 1)],
    expected: FLOW,
  },
  {
    name: "§6.9.1: the connection's window at exactly 2^31-1 is taken",
    send: () => [windowUpdate(0, WINDOW_MAX - DEFAULT_WINDOW)],
    expected: "none",
  },
]);

describe("RFC 9113 §6.9 windows, as a server", () => {
  it("§6.9: DATA in error MUST count for the connection's window, and is given back", () => {
    const client = new RawClient({ connectionWindow: 65_536, streamWindow: 65_536 }).open();
    const bytes = 16_000;
    for (let id = 1; id < 100; id += 8) {
      client.request(id).data(id, bytes); // half-closed (remote): STREAM_CLOSED
      client.request(id + 2, { fields: [{ name: "bad", value: "1" }], endStream: false });
      client.data(id + 2, bytes); // malformed, and reset
      client.request(id + 4, { endStream: false });
      client.raw(rstStream(id + 4)).request(id + 6, { endStream: false });
      client.connection.reset(id + 6, ErrorCode.cancel);
      client.data(id + 6, bytes);
    }
    expect(client.goaway).toBeUndefined();
    const given = client.frames
      .flatMap((one) => (one.kind === "window-update" && one.streamId === 0 ? [one] : []))
      .reduce((sum, { increment }) => sum + increment, 0);
    expect(given).toBeGreaterThan(13 * 3 * bytes - 65_536 / 2);
  });

  it("§6.1, §6.9.1: padding and its length count for both windows", () => {
    const client = new RawClient({ connectionWindow: 65_535, streamWindow: 1_000 }).open();
    client.request(1, { endStream: false });
    const payload = [255, ...new Uint8Array(255)];
    const block = frame({ type: Type.data, flags: PADDED, streamId: 1, payload });
    // Padding is consumed at once: without that, four of these would exceed the window.
    for (let i = 0; i < 10; i++) client.raw(block);
    expect(client.resetOf(1)).toBeUndefined();
    // Content is not, and the padding beside it counts until then.
    const content = frame({
      type: Type.data,
      flags: PADDED,
      streamId: 1,
      payload: [255, ...new Uint8Array(1_000), ...new Uint8Array(255)],
    });
    expect(client.raw(content).resetOf(1)).toBe(ErrorCode.flowControlError);
  });

  it("§6.9.1: a window is as large as was granted, to the byte, again and again", () => {
    const used = (connectionWindow: number): RawClient => {
      const client = new RawClient({ connectionWindow, streamWindow: 65_535 }).open();
      client.request(1, { endStream: false }).request(3, { endStream: false });
      for (let i = 0; i < 6; i++) {
        if (i > 0) client.connection.consume(1, 65_535);
        for (let left = 65_535; left > 0; left -= 16_384) client.data(1, Math.min(left, 16_384));
      }
      return client;
    };
    expect(used(65_535).data(3, 1).goaway).toBe(ErrorCode.flowControlError);
    const client = used(1_000_000);
    expect([client.resetOf(1), client.goaway]).toEqual([undefined, undefined]);
    expect(client.data(1, 1).resetOf(1)).toBe(ErrorCode.flowControlError);
  });

  it("§6.9.3: smaller windows do not concern what was sent before they were known", () => {
    const client = new RawClient().open(
      [[initialWindowSize, 10]].map(([id = 0, value = 0]) => ({ id, value })),
    );
    client.request(1);
    client.connection.respond(1, OK, { endStream: false });
    client.connection.send(1, new Uint8Array(100));
    client.raw(settings([initialWindowSize, 0])).read();
    client.raw(windowUpdate(1, 10)); // From -10 to 0.
    const sent = (): number =>
      client.frames.reduce((sum, one) => sum + (one.kind === "data" ? one.flowBytes : 0), 0);
    expect(sent()).toBe(10);
    expect(client.raw(windowUpdate(1, 1)) && sent()).toBe(11);
  });
});

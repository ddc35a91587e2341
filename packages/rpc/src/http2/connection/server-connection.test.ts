import { encodeUtf8 } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { ErrorCode } from "../frames/error-code.js";
import { CLIENT_PREFACE, DEFAULT_FRAME_BYTES, SettingId } from "../frames/frame.js";
import { fieldsOf, GET, OK, RawClient } from "../testing/raw-client.js";

const PING = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

describe("ServerConnection: preface and SETTINGS", () => {
  it("§3.4: the server's SETTINGS MUST be its first frame", () => {
    const client = new RawClient().read();
    expect(client.kinds).toEqual(["settings", "window-update"]);
  });

  it("§3.4: takes a preface that comes in pieces", () => {
    const client = new RawClient();
    for (const byte of encodeUtf8(CLIENT_PREFACE)) client.raw(Uint8Array.of(byte));
    client.write((writer) => writer.settings([])).forget();
    expect(client.request(1).eventKinds).toEqual(["request"]);
  });

  it("§3.4: an invalid preface MUST be a PROTOCOL_ERROR", () => {
    const client = new RawClient().raw(encodeUtf8("GET / HTTP/1.1\r\n"));
    expect(client.goaway).toBe(ErrorCode.protocolError);
    expect(client.eventKinds).toEqual(["closed"]);
  });

  it("§3.4: the client's preface MUST be followed by SETTINGS", () => {
    const client = new RawClient().raw(encodeUtf8(CLIENT_PREFACE));
    client.write((writer) => writer.ping(PING, { isAck: false }));
    expect(client.goaway).toBe(ErrorCode.protocolError);
  });

  it("§6.5.3: SETTINGS MUST be acknowledged at once, an acknowledgement never", () => {
    const client = new RawClient().open();
    client.write((writer) => writer.settings([{ id: 0x99, value: 1 }]));
    expect(client.kinds).toEqual(["settings-ack"]);
    expect(client.forget().write((writer) => writer.settingsAck()).kinds).toEqual([]);
  });

  it("§4.2, §6.10: field blocks keep to the client's SETTINGS_MAX_FRAME_SIZE", () => {
    const client = new RawClient().open().request(1);
    const value = "\u00ff".repeat(DEFAULT_FRAME_BYTES);
    client.connection.respond(1, [...OK, { name: "big", value }], { endStream: true });
    expect(client.read().kinds).toEqual(["headers", "continuation"]);
    client
      .forget()
      .write((writer) => writer.settings([{ id: SettingId.maxFrameSize, value: 32_768 }]));
    client.request(3);
    client.connection.respond(3, [...OK, { name: "big", value }], { endStream: true });
    expect(client.read().kinds).toEqual(["settings-ack", "headers"]);
  });

  it("RFC 7541 §4.2: the client's SETTINGS_HEADER_TABLE_SIZE is followed and signalled", () => {
    const client = new RawClient().open([{ id: SettingId.headerTableSize, value: 0 }]).request(1);
    client.connection.respond(1, OK, { endStream: true });
    const [frame] = client.read().frames;
    expect(frame?.kind === "headers" && frame.fragment[0]).toBe(0x20);
    expect(client.fields(frame)).toEqual([":status: 200"]);
  });
});

describe("ServerConnection: requests and answers", () => {
  it("carries a request with content and trailers, and an answer with both", () => {
    const client = new RawClient().open();
    client.request(1, { fields: [...GET, { name: "a", value: "b" }], endStream: false });
    client.data(1, 3);
    const trailers = client.encoder.encode(fieldsOf({ "x-sum": "1" }));
    client.write((writer) =>
      writer.headers(1, trailers, { endStream: true, frameBytesMax: DEFAULT_FRAME_BYTES }),
    );
    expect(client.events).toMatchObject([
      { kind: "request", streamId: 1, endStream: false },
      { kind: "data", streamId: 1, data: new Uint8Array(3), endStream: false },
      { kind: "trailers", streamId: 1, fields: [{ name: "x-sum", value: "1" }] },
    ]);
    client.connection.respond(1, OK, { endStream: false });
    expect(client.connection.send(1, Uint8Array.of(7))).toBe(true);
    client.connection.endWithTrailers(1, fieldsOf({ end: "yes" }), { isShared: false });
    const [head, data, end] = client.read().frames;
    expect(client.fields(head)).toEqual([":status: 200"]);
    expect(data).toMatchObject({ kind: "data", data: Uint8Array.of(7), endStream: false });
    expect(client.fields(end)).toEqual(["end: yes"]);
    expect(end).toMatchObject({ endStream: true });
    expect(client.connection.openStreams).toBe(0);
  });

  it("end() ends with an empty DATA frame, or with the last of the data that waits", () => {
    const client = new RawClient().open([{ id: SettingId.initialWindowSize, value: 2 }]);
    client.request(1).forget();
    client.connection.respond(1, OK, { endStream: false });
    client.connection.send(1, new Uint8Array(3));
    client.connection.end(1);
    client.read().write((writer) => writer.windowUpdate(1, 10));
    expect(client.frames.slice(1)).toMatchObject([
      { kind: "data", flowBytes: 2, endStream: false },
      { kind: "data", flowBytes: 1, endStream: true },
    ]);
    client.request(3).forget();
    client.connection.respond(3, OK, { endStream: false });
    client.connection.end(3);
    expect(client.read().frames[1]).toMatchObject({ kind: "data", flowBytes: 0, endStream: true });
  });

  it("§8.1: an answer that ends before the request resets the stream with NO_ERROR", () => {
    const client = new RawClient().open().request(1, { endStream: false });
    client.connection.respond(1, OK, { endStream: true });
    expect(client.read().kinds).toEqual(["headers", "rst-stream"]);
    expect(client.resetOf(1)).toBe(ErrorCode.noError);
    // §5.1: what was on its way is ignored.
    expect(client.forget().data(1, 5, true).kinds).toEqual([]);
  });

  it("§8.1: trailers that do not end the stream MUST be malformed", () => {
    const client = new RawClient().open().request(1, { endStream: false });
    client.request(1, { fields: fieldsOf({ a: "b" }), endStream: false });
    expect(client.resetOf(1)).toBe(ErrorCode.protocolError);
    expect(client.eventKinds).toEqual(["request", "reset"]);
  });

  it("§8.1.1: a malformed request MUST be a stream error PROTOCOL_ERROR", () => {
    const client = new RawClient().open().request(1, { fields: fieldsOf({ ":method": "GET" }) });
    expect(client.resetOf(1)).toBe(ErrorCode.protocolError);
    expect(client.request(3).eventKinds).toEqual(["reset", "request"]);
  });

  it("§8.1.1: a content-length other than the content's MUST be malformed", () => {
    const client = new RawClient().open();
    const fields = [...GET, { name: "content-length", value: "3" }];
    client.request(1, { fields });
    client.request(3, { fields, endStream: false }).data(3, 4);
    client.request(5, { fields, endStream: false }).data(5, 2, true);
    client.request(7, { fields, endStream: false }).data(7, 2).data(7, 1, true);
    expect([1, 3, 5, 7].map((id) => client.resetOf(id))).toEqual([1, 1, 1, undefined]);
  });

  it("§10.5.1: a header list that is too large is answered with 431, and the tables stay alike", () => {
    const client = new RawClient({ headerListBytesMax: 300 }).open();
    const big = { name: "big", value: "x".repeat(300), indexing: "incremental" } as const;
    client.request(1, { fields: [...GET, big] });
    expect(client.fields(client.frames[0])).toEqual([":status: 431"]);
    const known = { name: "a", value: "b", indexing: "incremental" } as const;
    client
      .forget()
      .request(3, { fields: [...GET, known] })
      .request(5, { fields: [...GET, known] });
    expect(client.eventKinds).toEqual(["request", "request"]);
  });
});

describe("ServerConnection: stream states", () => {
  it("§5.1, idle: frames other than HEADERS and PRIORITY MUST be a PROTOCOL_ERROR", () => {
    const faults = [
      new RawClient().open().data(1, 1),
      new RawClient().open().write((writer) => writer.rstStream(1, ErrorCode.cancel)),
      new RawClient().open().write((writer) => writer.windowUpdate(1, 1)),
    ];
    expect(faults.map(({ goaway }) => goaway)).toEqual([1, 1, 1]);
    const priority = Uint8Array.of(0, 0, 5, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 16);
    expect(new RawClient().open().raw(priority).kinds).toEqual([]);
  });

  it("§5.1, half-closed (remote): DATA and HEADERS MUST be a stream error STREAM_CLOSED", () => {
    const client = new RawClient().open().request(1).request(3);
    client.data(1, 1).request(3);
    expect([client.resetOf(1), client.resetOf(3)]).toEqual([5, 5]);
    expect(client.goaway).toBeUndefined();
  });

  it("§5.1, half-closed (remote): WINDOW_UPDATE, PRIORITY and RST_STREAM are taken", () => {
    const client = new RawClient().open().request(1);
    client.write((writer) => writer.windowUpdate(1, 1));
    client.write((writer) => writer.rstStream(1, ErrorCode.cancel));
    expect(client.eventKinds).toEqual(["request", "reset"]);
    expect(client.kinds).toEqual([]);
  });

  it("§5.1, closed: frames after END_STREAM of both sides are a connection error STREAM_CLOSED", () => {
    const closed = (): RawClient => {
      const client = new RawClient().open().request(1);
      client.connection.respond(1, OK, { endStream: true });
      return client.read().forget();
    };
    expect(closed().data(1, 1).goaway).toBe(ErrorCode.streamClosed);
    expect(closed().request(1).goaway).toBe(ErrorCode.streamClosed);
    expect(closed().write((writer) => writer.windowUpdate(1, 1)).kinds).toEqual([]);
    expect(closed().write((writer) => writer.rstStream(1, ErrorCode.cancel)).kinds).toEqual([]);
  });

  it("§5.1, closed: what comes after our RST_STREAM is ignored, HPACK and windows aside", () => {
    const client = new RawClient().open().request(1, { endStream: false });
    client.connection.reset(1, ErrorCode.cancel);
    client.read().forget();
    const known = { name: "a", value: "b", indexing: "incremental" } as const;
    client.data(1, 10).request(1, { fields: [known] });
    client.write((writer) => writer.rstStream(1, ErrorCode.cancel));
    expect(client.kinds).toEqual([]);
    client.request(3, { fields: [...GET, known] });
    expect(client.events).toMatchObject([{ kind: "request", streamId: 3 }]);
  });

  it("§5.1.1: streams of even numbers, or lower than others, MUST be a PROTOCOL_ERROR", () => {
    expect(new RawClient().open().request(2).goaway).toBe(ErrorCode.protocolError);
    expect(new RawClient().open().request(5).request(3).goaway).toBe(ErrorCode.protocolError);
  });

  it("§5.1.2: streams beyond SETTINGS_MAX_CONCURRENT_STREAMS MUST be a stream error", () => {
    const client = new RawClient({ streamsMax: 2 }).open().request(1).request(3).request(5);
    expect(client.resetOf(5)).toBe(ErrorCode.refusedStream);
    client.connection.respond(1, OK, { endStream: true });
    client.read().request(7);
    expect(client.events.map((event) => "streamId" in event && event.streamId)).toEqual([1, 3, 7]);
  });

  it("a request that was reset in the same bytes is not open when it is told", () => {
    const client = new RawClient().open();
    const block = client.encoder.encode(GET);
    client.write((writer) => {
      writer.headers(1, block, { endStream: true, frameBytesMax: DEFAULT_FRAME_BYTES });
      writer.rstStream(1, ErrorCode.cancel);
    });
    expect(client.eventKinds).toEqual(["request", "reset"]);
    expect(client.connection.isOpen(1)).toBe(false);
    client.connection.respond(1, OK, { endStream: true });
    expect(client.read().kinds).toEqual([]);
  });

  it("§6.3: PRIORITY of a wrong size is a stream error, of the connection where it is idle", () => {
    const bad = Uint8Array.of(0, 0, 4, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0);
    expect(new RawClient().open().raw(bad).goaway).toBe(ErrorCode.frameSizeError);
    expect(new RawClient().open().request(1).raw(bad).resetOf(1)).toBe(ErrorCode.frameSizeError);
  });
});

describe("ServerConnection: field blocks", () => {
  const continued = (client: RawClient, parts: number): RawClient => {
    const block = client.encoder.encode(GET);
    const bytes = Math.ceil(block.length / parts);
    return client.write((writer) =>
      writer.headers(1, block, { endStream: true, frameBytesMax: bytes }),
    );
  };

  it("§6.10: CONTINUATION frames complete a block", () => {
    const client = continued(new RawClient().open(), 5);
    expect(client.events).toMatchObject([{ kind: "request", fields: GET }]);
  });

  it("§6.2, §6.10: anything else within a block MUST be a PROTOCOL_ERROR", () => {
    const within = (bytes: Uint8Array): number | undefined => {
      const client = new RawClient().open();
      return client.raw(Uint8Array.of(0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82)).raw(bytes).goaway;
    };
    expect(within(Uint8Array.of(0, 0, 0, 4, 1, 0, 0, 0, 0))).toBe(ErrorCode.protocolError);
    expect(within(Uint8Array.of(0, 0, 0, 9, 4, 0, 0, 0, 3))).toBe(ErrorCode.protocolError);
    // §5.5: frames of unknown types as well.
    expect(within(Uint8Array.of(0, 0, 0, 0xfa, 0, 0, 0, 0, 0))).toBe(ErrorCode.protocolError);
  });

  it("§6.10: CONTINUATION without a block MUST be a PROTOCOL_ERROR", () => {
    const client = new RawClient().open().raw(Uint8Array.of(0, 0, 0, 9, 4, 0, 0, 0, 1));
    expect(client.goaway).toBe(ErrorCode.protocolError);
  });

  it("§4.3: a block that cannot be decoded MUST be a COMPRESSION_ERROR", () => {
    const client = new RawClient().open();
    client.raw(Uint8Array.of(0, 0, 1, 1, 5, 0, 0, 0, 1, 0x80));
    expect(client.goaway).toBe(ErrorCode.compressionError);
  });
});

describe("ServerConnection: PING, GOAWAY and the end", () => {
  it("§6.7: a PING MUST be answered with its data; an answer is told, and never answered", () => {
    const client = new RawClient().open();
    client.write((writer) => writer.ping(PING, { isAck: false }));
    expect(client.frames).toMatchObject([{ kind: "ping", isAck: true, data: PING }]);
    client.connection.ping(PING);
    expect(client.forget().read().frames).toMatchObject([{ kind: "ping", isAck: false }]);
    client.forget().write((writer) => writer.ping(PING, { isAck: true }));
    expect(client.events).toMatchObject([{ kind: "pong", data: PING }]);
    expect(client.kinds).toEqual([]);
  });

  it("§6.8: shutdown() announces, lets streams on their way in, names the last, and ends", () => {
    const client = new RawClient().open().request(1);
    client.connection.shutdown();
    const [announced, ping] = client.forget().read().frames;
    expect(announced).toMatchObject({ kind: "goaway", lastStreamId: 2 ** 31 - 1, errorCode: 0 });
    client.request(3).forget();
    client.write((writer) =>
      writer.ping(ping?.kind === "ping" ? ping.data : PING, { isAck: true }),
    );
    expect(client.frames).toMatchObject([{ kind: "goaway", lastStreamId: 3, errorCode: 0 }]);
    expect(client.request(5).events).toEqual([]);
    client.connection.respond(1, OK, { endStream: true });
    expect(client.read().eventKinds).toEqual([]);
    client.connection.respond(3, OK, { endStream: true });
    expect(client.read().events).toMatchObject([{ kind: "closed", errorCode: ErrorCode.noError }]);
    expect(client.kinds).toEqual(["goaway", "headers", "headers"]);
  });

  it("§5.4.1: a connection error sends GOAWAY with the last stream, and nothing is taken after", () => {
    const client = new RawClient().open().request(1).request(3).forget();
    client.request(2);
    expect(client.frames).toMatchObject([{ kind: "goaway", lastStreamId: 3 }]);
    expect(client.eventKinds).toEqual(["closed"]);
    client.forget().request(5).data(1, 5);
    client.connection.respond(1, OK, { endStream: true });
    expect(client.read().kinds).toEqual([]);
    expect(client.eventKinds).toEqual([]);
  });

  it("§6.8: a client's GOAWAY leaves its streams as they are", () => {
    const client = new RawClient().open().request(1);
    client.write((writer) => writer.goaway(0, ErrorCode.noError, new Uint8Array(0)));
    client.connection.respond(1, OK, { endStream: true });
    expect(client.read().kinds).toEqual(["headers"]);
  });
});

/** RFC 9113: the rules that only a client can keep or break. */
import { describe, expect, it } from "vitest";
import { ErrorCode } from "../../src/http2/frames/error-code.js";
import { SettingId } from "../../src/http2/frames/frame.js";
import { OK } from "../../src/http2/testing/raw-client.js";
import {
  data,
  goaway,
  headers,
  ping,
  priority,
  pushPromise,
  RESPONSE_BLOCK,
  rstStream,
  settings,
  SETTINGS_ACK,
  unknown,
  windowUpdate,
} from "../support/frame-bytes.js";
import { RawServer } from "../support/raw-server.js";

const { enablePush, initialWindowSize, maxConcurrentStreams } = SettingId;

describe("RFC 9113 §3.4 connection preface, as a client", () => {
  it("§6.5.2, §8.4: push is forbidden from the start", () => {
    const [first] = new RawServer().read().frames;
    expect(first?.kind === "settings" && first.settings).toContainEqual({
      id: enablePush,
      value: 0,
    });
  });

  it("§3.4: the server's preface MUST be SETTINGS: anything else is a PROTOCOL_ERROR", () => {
    const others = [
      SETTINGS_ACK,
      ping(),
      windowUpdate(0, 1),
      priority(1),
      goaway(0),
      unknown(0),
      data(1),
      rstStream(1),
      headers(1, RESPONSE_BLOCK),
      pushPromise(1, 2),
    ];
    for (const other of others) {
      const server = new RawServer().read().forget().send(other, settings());
      expect(server.frames).toMatchObject([{ kind: "goaway", errorCode: ErrorCode.protocolError }]);
    }
  });

  it("§3.4: requests may be sent before the server's preface has come", () => {
    const server = new RawServer();
    expect(server.connection.canOpen).toBe(true);
    expect(server.request()).toBe(1);
    server.send(settings(), SETTINGS_ACK).respond(1, OK, { endStream: true });
    expect(server.eventKinds).toContain("response");
  });
});

describe("RFC 9113 §5.1 streams, as a client", () => {
  it("§5.1.1: MUST use odd numbers, each higher than the one before", () => {
    const server = new RawServer().open();
    expect([server.request(), server.request(), server.request()]).toEqual([1, 3, 5]);
  });

  it("§5.1: HEADERS on a stream that it has not opened MUST be a PROTOCOL_ERROR", () => {
    for (const id of [1, 2, 99]) {
      const server = new RawServer().open().send(headers(id, RESPONSE_BLOCK));
      expect(server.frames).toMatchObject([{ kind: "goaway", errorCode: ErrorCode.protocolError }]);
    }
  });

  it("§5.1.2: MUST NOT exceed SETTINGS_MAX_CONCURRENT_STREAMS, and says when it may go on", () => {
    const server = new RawServer().openWith([maxConcurrentStreams, 2]);
    const first = server.request();
    server.request();
    expect(server.connection.canOpen).toBe(false);
    expect(() => server.request()).toThrow("beyond what the server allows");
    server.forget().respond(first, OK, { endStream: true });
    expect(server.eventKinds).toEqual(["response", "openable"]);
    server.request();
    expect(server.connection.canOpen).toBe(false);
    server.forget().send(settings([maxConcurrentStreams, 3]));
    expect(server.eventKinds).toEqual(["settings", "openable"]);
  });

  it("§5.1.2, §6.5.2: a limit below what is open lets those go on; 0 is a limit like any", () => {
    const server = new RawServer().open();
    const [a, b] = [server.request(), server.request()];
    server.send(settings([maxConcurrentStreams, 0]));
    expect(server.connection.canOpen).toBe(false);
    server.forget().respond(a, OK, { endStream: true }).respond(b, OK, { endStream: true });
    expect(server.eventKinds).toEqual(["response", "response"]);
    expect(server.connection.canOpen).toBe(false);
    server.forget().send(settings([maxConcurrentStreams, 1]));
    expect(server.eventKinds).toEqual(["settings", "openable"]);
  });

  it("§5.1: a reset gives its place to another stream", () => {
    const server = new RawServer().openWith([maxConcurrentStreams, 1]);
    for (const end of ["ours", "its"]) {
      const id = server.request();
      expect(server.connection.canOpen).toBe(false);
      server.forget();
      if (end === "ours") server.connection.reset(id, ErrorCode.cancel);
      else server.send(rstStream(id));
      expect(server.read().eventKinds).toContain("openable");
    }
  });
});

describe("RFC 9113 §6.8, §8.7 what was not processed, as a client", () => {
  it("§6.8: after GOAWAY MUST NOT open streams; those up to the last one go on", () => {
    const server = new RawServer().open();
    const [a, b] = [server.request(), server.request()];
    server.forget().send(goaway(a));
    expect(server.events).toMatchObject([
      { kind: "draining" },
      { kind: "unprocessed", streamId: b },
    ]);
    expect(server.connection.canOpen).toBe(false);
    expect(server.connection.isOpen(b)).toBe(false);
    server.forget().respond(a, OK, { endStream: true });
    expect(server.eventKinds).toEqual(["response", "closed"]);
  });

  it("§6.8: a first GOAWAY of 2^31-1 leaves all streams, the last one names them", () => {
    const server = new RawServer().open();
    const [a, b] = [server.request(), server.request()];
    server.forget().send(goaway(2 ** 31 - 1));
    expect(server.eventKinds).toEqual(["draining"]);
    server.forget().send(goaway(a));
    expect(server.events).toMatchObject([{ kind: "unprocessed", streamId: b }]);
    expect(server.connection.isOpen(a)).toBe(true);
  });

  it("§6.8: what comes for streams that GOAWAY left out is ignored, table and window aside", () => {
    const server = new RawServer().open();
    const [a, b] = [server.request(), server.request()];
    server.send(goaway(a)).forget();
    server.send(headers(b, [0x88, 0x40, 1, 0x61, 1, 0x62]), data(b, 10_000));
    server.send(headers(a, [0x88, 0xbe]));
    expect(server.events).toMatchObject([
      { kind: "response", streamId: a, fields: [{ name: ":status" }, { name: "a", value: "b" }] },
    ]);
    expect(server.kinds).not.toContain("goaway");
  });

  it("§8.7: REFUSED_STREAM says that nothing was done; other codes do not", () => {
    const server = new RawServer().open();
    const [a, b, c] = [server.request(), server.request(), server.request()];
    server.forget().send(rstStream(a, 7), rstStream(b, 8), rstStream(c, 0));
    expect(server.eventKinds).toEqual(["unprocessed", "reset", "reset"]);
  });
});

describe("RFC 9113 §6.9 windows, as a client", () => {
  it("§6.9.1: MUST NOT send more than the windows, of the first request too", () => {
    const server = new RawServer().openWith([initialWindowSize, 10]);
    const id = server.request({ endStream: false });
    server.forget();
    server.connection.send(id, new Uint8Array(25));
    const sent = (): number =>
      server.read().frames.reduce((sum, f) => sum + (f.kind === "data" ? f.flowBytes : 0), 0);
    expect(sent()).toBe(10);
    server.send(windowUpdate(id, 5));
    expect(sent()).toBe(15);
    server.send(settings([initialWindowSize, 0]), windowUpdate(id, 10));
    expect(sent()).toBe(15);
    server.send(windowUpdate(id, 100));
    expect(sent()).toBe(25);
  });

  it("§6.9.2: before the server's SETTINGS the window is 65,535, and they may make it negative", () => {
    const server = new RawServer();
    const id = server.request({ endStream: false });
    server.connection.send(id, new Uint8Array(70_000));
    const sent = (): number =>
      server.read().frames.reduce((sum, f) => sum + (f.kind === "data" ? f.flowBytes : 0), 0);
    expect(sent()).toBe(65_535);
    server.send(settings([initialWindowSize, 1_000]), windowUpdate(0, 100_000));
    server.send(windowUpdate(id, 64_535));
    expect(sent()).toBe(65_535);
    server.send(windowUpdate(id, 4_465));
    expect(sent()).toBe(70_000);
  });

  it("§6.9: DATA beyond a stream's window is a FLOW_CONTROL_ERROR of the stream", () => {
    const server = new RawServer({ streamWindow: 65_535 }).open();
    const id = server.request();
    server.send(headers(id, RESPONSE_BLOCK)).forget();
    for (let i = 0; i < 4; i++) server.send(data(id, 16_383));
    expect(server.kinds).not.toContain("rst-stream");
    server.send(data(id, 4));
    expect(server.frames).toContainEqual({
      kind: "rst-stream",
      streamId: id,
      errorCode: ErrorCode.flowControlError,
    });
  });

  it("§5.2.1: one stream that is not read does not shut the connection's window for others", () => {
    const limits = { streamWindow: 65_536, connectionWindow: 65_536 };
    const server = new RawServer(limits).open();
    const slow = server.request();
    const quick = server.request();
    server.send(headers(slow, RESPONSE_BLOCK), headers(quick, RESPONSE_BLOCK));
    for (let i = 0; i < 4; i++) server.send(data(slow, 16_384));
    for (let i = 0; i < 100; i++) {
      server.send(data(quick, 10_000));
      server.connection.consume(quick, 10_000);
      server.read();
    }
    expect(server.kinds).not.toContain("goaway");
    expect(server.connection.isOpen(slow)).toBe(true);
  });
});

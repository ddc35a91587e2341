import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ErrorCode } from "../frames/error-code.js";
import { DEFAULT_FRAME_BYTES, DEFAULT_WINDOW, SettingId } from "../frames/frame.js";
import { fieldsOf, OK } from "../testing/raw-client.js";
import { POST, RawServer } from "../testing/raw-server.js";
import { DEFAULT_LIMITS } from "./limits.js";

const { streamWindow, connectionWindow, idleFrames, settings } = DEFAULT_LIMITS;
const PING = new Uint8Array(8);
const TRAILERS = fieldsOf({ "grpc-status": "0" });

describe("ClientConnection: preface and SETTINGS", () => {
  it("§3.4: begins with the preface and SETTINGS, which forbid pushes", () => {
    const server = new RawServer();
    expect(server.kinds).toEqual(["settings", "window-update"]);
    expect(server.frames[0]).toMatchObject({
      settings: [
        { id: SettingId.enablePush, value: 0 },
        { id: SettingId.initialWindowSize, value: streamWindow },
        { id: SettingId.maxHeaderListSize },
      ],
    });
  });

  it("§3.4: the server's first frame MUST be SETTINGS, which are told", () => {
    expect(new RawServer().write((writer) => writer.ping(PING, { isAck: false })).goaway).toBe(
      ErrorCode.protocolError,
    );
    expect(new RawServer().write((writer) => writer.settings([])).eventKinds).toEqual(["settings"]);
  });

  it("§6.5.2, §8.4: a server MUST NOT set ENABLE_PUSH to other than 0, nor push", () => {
    expect(new RawServer().open([{ id: SettingId.enablePush, value: 0 }]).goaway).toBeUndefined();
    const setting = { id: SettingId.enablePush, value: 1 };
    const server = new RawServer().write((writer) => writer.settings([setting]));
    expect(server.goaway).toBe(ErrorCode.protocolError);
    const pushing = new RawServer().open();
    pushing.request();
    expect(pushing.raw(Uint8Array.of(0, 0, 4, 5, 4, 0, 0, 0, 1, 0, 0, 0, 2)).goaway).toBe(
      ErrorCode.protocolError,
    );
  });
});

describe("ClientConnection: requests and responses", () => {
  it("§5.1.1: opens streams of odd numbers; the head of a request that came before is an index", () => {
    const server = new RawServer().open();
    expect([server.request(), server.request(), server.request()]).toEqual([1, 3, 5]);
    const heads = server.frames.filter((frame) => frame.kind === "headers");
    const sizes = heads.map(({ fragment }) => fragment.length);
    expect(sizes[1]).toBeLessThanOrEqual(POST.length);
    expect(sizes[2]).toBe(sizes[1]);
    const wanted = POST.map(({ name, value }) => `${name}: ${value}`);
    for (const head of heads) expect(server.fields(head)).toEqual(wanted);
  });

  it("fields of one request follow those of all", () => {
    const server = new RawServer().open();
    for (const value of ["1m", "2m"]) {
      const ownFields = fieldsOf({ "grpc-timeout": value });
      server.connection.request(POST, { endStream: true, ownFields });
    }
    const [first, second] = server.read().frames;
    expect(server.fields(first).at(-1)).toBe("grpc-timeout: 1m");
    expect(server.fields(second).slice(-2)).toEqual([":authority: localhost", "grpc-timeout: 2m"]);
  });

  it("carries a request's content, and a response with content and trailers", () => {
    const server = new RawServer().open();
    const streamId = server.request({ endStream: false });
    expect(server.connection.send(streamId, Uint8Array.of(1))).toBe(true);
    server.connection.sendAndEnd(streamId, Uint8Array.of(2, 3));
    expect(server.read().frames.slice(1)).toMatchObject([
      { kind: "data", data: Uint8Array.of(1), endStream: false },
      { kind: "data", data: Uint8Array.of(2, 3), endStream: true },
    ]);
    server.headers(streamId).data(streamId, 4);
    server.headers(streamId, { fields: TRAILERS, endStream: true });
    expect(server.events).toMatchObject([
      { kind: "response", streamId, fields: OK, endStream: false },
      { kind: "data", streamId, data: new Uint8Array(4), endStream: false },
      { kind: "trailers", streamId, fields: TRAILERS },
    ]);
    expect(server.connection.openStreams).toBe(0);
    expect(server.resetOf(streamId)).toBeUndefined();
  });

  it("§8.1: a response that ends before its request ends the stream with NO_ERROR", () => {
    const server = new RawServer().open();
    const streamId = server.request({ endStream: false });
    server.headers(streamId, { endStream: true });
    expect(server.resetOf(streamId)).toBe(ErrorCode.noError);
    expect(server.connection.openStreams).toBe(0);
    expect(server.connection.send(streamId, Uint8Array.of(1))).toBe(true);
    expect(server.read().kinds).toEqual(["headers", "rst-stream"]);
  });

  it("§8.1: interim responses are passed over, and MUST NOT end the stream", () => {
    const server = new RawServer().open();
    const [first, second] = [server.request(), server.request()];
    server.headers(first, { fields: fieldsOf({ ":status": "103", link: "x" }) }).headers(first);
    expect(server.eventKinds).toEqual(["response"]);
    server.headers(second, { fields: fieldsOf({ ":status": "103" }), endStream: true });
    expect(server.resetOf(second)).toBe(ErrorCode.protocolError);
  });

  it("§8.1.1, §8.3.2: malformed responses MUST be stream errors PROTOCOL_ERROR", () => {
    const bad = [
      fieldsOf({ "content-type": "a" }),
      fieldsOf({ ":status": "20" }),
      fieldsOf({ ":status": "101" }),
      fieldsOf({ ":status": "200", ":path": "/" }),
      fieldsOf({ a: "b", ":status": "200" }),
      [...OK, ...OK],
      fieldsOf({ ":status": "200", Upper: "case" }),
      fieldsOf({ ":status": "200", connection: "close" }),
      fieldsOf({ ":status": "200", "content-length": "x" }),
    ];
    for (const fields of bad) {
      const server = new RawServer().open();
      server.headers(server.request(), { fields });
      expect([server.resetOf(1), server.eventKinds]).toEqual([1, ["reset"]]);
    }
  });

  it("§8.1.1: a content-length other than the content's MUST be malformed", () => {
    const server = new RawServer().open();
    const fields = fieldsOf({ ":status": "200", "content-length": "3" });
    for (let i = 0; i < 4; i++) server.request();
    server.headers(1, { fields, endStream: true });
    server.headers(3, { fields }).data(3, 4);
    server.headers(5, { fields }).data(5, 2, true);
    server.headers(7, { fields }).data(7, 2).data(7, 1, true);
    expect([1, 3, 5, 7].map((id) => server.resetOf(id))).toEqual([1, 1, 1, undefined]);
  });

  it("§8.1: content or trailers before the head of a response are malformed", () => {
    const server = new RawServer().open();
    server.request();
    expect(server.data(1, 1).resetOf(1)).toBe(ErrorCode.protocolError);
    server.request();
    server.headers(3, { fields: TRAILERS, endStream: true });
    expect(server.resetOf(3)).toBe(ErrorCode.protocolError);
  });

  it("a header list that is too large resets its stream, and the tables stay alike", () => {
    const server = new RawServer({ headerListBytesMax: 300 }).open();
    const [first, second] = [server.request(), server.request()];
    const known = { name: "big", value: "x".repeat(300), indexing: "incremental" } as const;
    server.headers(first, { fields: [...OK, known] });
    expect(server.resetOf(first)).toBe(ErrorCode.enhanceYourCalm);
    expect(server.headers(second).events.at(-1)).toMatchObject({ kind: "response", fields: OK });
  });
});

describe("ClientConnection: streams that the server limits, refuses or leaves", () => {
  const limit = (value: number) => ({ id: SettingId.maxConcurrentStreams, value });

  it("§5.1.2: MUST NOT open more than SETTINGS_MAX_CONCURRENT_STREAMS; says when it may again", () => {
    const server = new RawServer().open([limit(2)]);
    server.request();
    server.request();
    expect(server.connection.canOpen).toBe(false);
    server.headers(1, { endStream: true });
    expect(server.eventKinds).toEqual(["response", "openable"]);
    server.request();
    expect(server.connection.canOpen).toBe(false);
    server.connection.reset(3, ErrorCode.cancel);
    expect(server.read().eventKinds.at(-1)).toBe("openable");
    expect(server.connection.canOpen).toBe(true);
    server.request();
    expect(server.connection.canOpen).toBe(false);
    server.forget().write((writer) => writer.settings([limit(3)]));
    expect(server.eventKinds).toEqual(["settings", "openable"]);
  });

  it("§8.7: REFUSED_STREAM says that nothing was done", () => {
    const server = new RawServer().open();
    server.request();
    server.request();
    server.write((writer) => writer.rstStream(1, ErrorCode.refusedStream));
    server.write((writer) => writer.rstStream(3, ErrorCode.cancel));
    expect(server.events).toMatchObject([
      { kind: "unprocessed", streamId: 1 },
      { kind: "reset", streamId: 3, errorCode: ErrorCode.cancel },
    ]);
  });

  it("§6.8: GOAWAY lets earlier streams end, tells later ones apart, and then closes", () => {
    const server = new RawServer().open();
    for (let i = 0; i < 3; i++) server.request();
    server.forget().write((writer) => writer.goaway(3, ErrorCode.noError, new Uint8Array(0)));
    expect(server.events).toMatchObject([
      { kind: "draining" },
      { kind: "unprocessed", streamId: 5 },
    ]);
    expect(server.connection.canOpen).toBe(false);
    // A second one, as a server sends that shuts down in good order, names fewer.
    server.write((writer) => writer.goaway(1, ErrorCode.noError, new Uint8Array(0)));
    expect(server.events[2]).toMatchObject({ kind: "unprocessed", streamId: 3 });
    server.headers(1, { endStream: true });
    expect(server.eventKinds.slice(3)).toEqual(["response", "closed"]);
    expect(server.kinds).toContain("goaway");
  });

  it("shutdown() ends the connection after its last stream", () => {
    const server = new RawServer().open();
    server.request();
    server.connection.shutdown();
    expect(server.read().connection.canOpen).toBe(false);
    server.headers(1, { endStream: true });
    expect(server.eventKinds).toEqual(["draining", "response", "closed"]);
    const idle = new RawServer().open();
    idle.connection.shutdown();
    expect(idle.read().events.at(-1)).toMatchObject({ kind: "closed", errorCode: 0 });
  });

  it("§5.1: frames of streams that we never opened MUST be a PROTOCOL_ERROR", () => {
    const code = (send: (server: RawServer) => void): number | undefined => {
      const server = new RawServer().open();
      server.request();
      send(server);
      return server.goaway;
    };
    for (const streamId of [2, 3]) {
      expect(code((server) => server.headers(streamId))).toBe(ErrorCode.protocolError);
      expect(code((server) => server.data(streamId, 1))).toBe(ErrorCode.protocolError);
      expect(code((server) => server.write((w) => w.rstStream(streamId, 8)))).toBe(1);
      expect(code((server) => server.write((w) => w.windowUpdate(streamId, 8)))).toBe(1);
    }
  });

  it("§5.1: what comes after our RST_STREAM is ignored, HPACK and windows aside", () => {
    const server = new RawServer().open();
    server.request();
    server.connection.reset(1, ErrorCode.cancel);
    server.read().forget();
    server.headers(1).data(1, 10).headers(1, { fields: TRAILERS, endStream: true });
    expect([server.kinds, server.eventKinds]).toEqual([[], []]);
    const ended = new RawServer().open();
    ended.request();
    ended.headers(1, { endStream: true });
    expect(ended.data(1, 1).goaway).toBe(ErrorCode.streamClosed);
  });
});

describe("ClientConnection: flow control and limits", () => {
  it("§6.9: sends no more than the server's windows", () => {
    const server = new RawServer().open([{ id: SettingId.initialWindowSize, value: 10 }]);
    const streamId = server.request({ endStream: false });
    server.connection.sendAndEnd(streamId, new Uint8Array(15));
    expect(server.read().frames.at(-1)).toMatchObject({ flowBytes: 10, endStream: false });
    server.write((writer) => writer.windowUpdate(streamId, 5));
    expect(server.frames.at(-1)).toMatchObject({ flowBytes: 5, endStream: true });
  });

  it("§6.9: a stream's window opens as content is consumed, the connection's as it comes", () => {
    const server = new RawServer().open();
    for (let i = 0; i < 40; i++) server.headers(server.request());
    server.forget();
    const fill = (streamId: number): void => {
      for (let bytes = streamWindow; bytes > 0; bytes -= DEFAULT_FRAME_BYTES) {
        server.data(streamId, Math.min(bytes, DEFAULT_FRAME_BYTES));
      }
    };
    // All of them together are more than the connection's window.
    for (let i = 0; i < 40; i++) fill(2 * i + 1);
    expect(40 * streamWindow).toBeGreaterThan(connectionWindow);
    expect(server.goaway).toBeUndefined();
    const updated = server.frames.map((frame) => "streamId" in frame && frame.streamId);
    expect(new Set(updated)).toEqual(new Set([0]));
    server.connection.consume(1, streamWindow);
    expect(server.forget().read().frames).toMatchObject([
      { kind: "window-update", streamId: 1, increment: streamWindow },
    ]);
    expect(server.data(3, 1).resetOf(3)).toBe(ErrorCode.flowControlError);
  });

  it("before its SETTINGS are acknowledged, the default windows hold", () => {
    const server = new RawServer({ streamWindow: 10 }).write((writer) => writer.settings([]));
    server.headers(server.request());
    for (let bytes = DEFAULT_WINDOW; bytes > 0; bytes -= DEFAULT_FRAME_BYTES) {
      server.data(1, Math.min(bytes, DEFAULT_FRAME_BYTES));
    }
    expect(server.resetOf(1)).toBeUndefined();
    expect(server.data(1, 1).resetOf(1)).toBe(ErrorCode.flowControlError);
  });

  it("a server that floods is left with ENHANCE_YOUR_CALM", () => {
    const floods: ((server: RawServer) => void)[] = [
      (server) => server.write((writer) => writer.ping(PING, { isAck: false })),
      (server) => server.write((writer) => writer.settings([])),
      (server) => server.headers(1, { fields: fieldsOf({ ":status": "100" }) }),
      (server) => server.write((writer) => writer.goaway(7, 0, new Uint8Array(0))),
    ];
    for (const flood of floods) {
      const server = new RawServer().open();
      server.request();
      let rounds = 0;
      while (!server.connection.isClosed && rounds++ <= idleFrames.burst + settings.burst) {
        flood(server);
        if (!server.connection.isClosed) server.forget();
      }
      expect(server.goaway).toBe(ErrorCode.enhanceYourCalm);
    }
  });

  it("keeps its invariants and throws nothing, whatever comes in whatever order", () => {
    const id = fc.constantFrom(0, 1, 2, 3, 5, 7);
    const end = fc.boolean();
    const step = fc.oneof(
      fc.constant((s: RawServer) => {
        if (s.connection.canOpen) s.request({ endStream: false });
      }),
      fc.tuple(id, end).map(
        ([i, endStream]) =>
          (s: RawServer) =>
            s.headers(i, { endStream }),
      ),
      fc.tuple(id, fc.nat(20_000), end).map((a) => (s: RawServer) => s.data(...a)),
      fc.tuple(id, fc.nat(14)).map(
        ([i, code]) =>
          (s: RawServer) =>
            s.raw(Uint8Array.of(0, 0, 4, 3, 0, 0, 0, 0, i, 0, 0, 0, code)),
      ),
      id.map((i) => (s: RawServer) => s.write((writer) => writer.goaway(i, 0, PING))),
      id.map((i) => (s: RawServer) => s.connection.sendAndEnd(i, PING)),
      id.map((i) => (s: RawServer) => s.connection.reset(i, ErrorCode.cancel)),
      fc
        .array(fc.record({ id: fc.nat(7), value: fc.nat(70_000) }))
        .map((list) => (s: RawServer) => s.write((writer) => writer.settings(list))),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => (s: RawServer) => s.raw(bytes)),
      fc.constant((s: RawServer) => s.connection.shutdown()),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const server = new RawServer().open([{ id: SettingId.maxConcurrentStreams, value: 3 }]);
        for (const one of steps) {
          try {
            one(server);
          } catch (error) {
            // The caller's own fault: content after the end.
            if (!/has content after its end/.test(String(error))) throw error;
          }
          server.read();
        }
        const told = server.events.flatMap((event) =>
          event.kind === "response" || event.kind === "unprocessed"
            ? [`${event.kind} ${event.streamId}`]
            : [],
        );
        expect(new Set(told).size).toBe(told.length);
        const closed = server.eventKinds.indexOf("closed");
        expect([-1, server.events.length - 1]).toContain(closed);
        expect(server.connection.isClosed).toBe(closed >= 0);
      }),
      { numRuns: 400 },
    );
  });
});

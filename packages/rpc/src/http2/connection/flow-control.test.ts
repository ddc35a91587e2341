import { describe, expect, it } from "vitest";
import { ErrorCode } from "../frames/error-code.js";
import { DEFAULT_WINDOW, SettingId, WINDOW_MAX } from "../frames/frame.js";
import { OK, RawClient } from "../testing/raw-client.js";
import { DEFAULT_LIMITS } from "./limits.js";

const { streamWindow, queuedBytesMax } = DEFAULT_LIMITS;

/** A stream whose answer has begun. */
function answering(client: RawClient, streamId = 1): RawClient {
  client.request(streamId);
  client.connection.respond(streamId, OK, { endStream: false });
  return client.read().forget();
}

function dataBytes(client: RawClient, streamId?: number): number {
  let bytes = 0;
  for (const frame of client.frames) {
    const isIt = frame.kind === "data" && (streamId === undefined || frame.streamId === streamId);
    if (isIt) bytes += frame.flowBytes;
  }
  return bytes;
}

describe("ServerConnection: sending", () => {
  it("§6.9.1: MUST NOT send more than the stream's window, and goes on when it widens", () => {
    const client = answering(
      new RawClient().open([{ id: SettingId.initialWindowSize, value: 10 }]),
    );
    client.connection.send(1, new Uint8Array(25));
    expect(dataBytes(client.read())).toBe(10);
    client.write((writer) => writer.windowUpdate(1, 4));
    expect(dataBytes(client)).toBe(14);
    client.write((writer) => writer.windowUpdate(1, 100));
    expect(dataBytes(client)).toBe(25);
  });

  it("§6.9.1: MUST NOT send more than the connection's window, shared by streams in turn", () => {
    const client = new RawClient().open([{ id: SettingId.initialWindowSize, value: WINDOW_MAX }]);
    answering(client, 1);
    answering(client, 3);
    client.connection.send(1, new Uint8Array(200_000));
    client.connection.send(3, new Uint8Array(200_000));
    expect(dataBytes(client.read())).toBe(DEFAULT_WINDOW);
    client.forget().write((writer) => writer.windowUpdate(0, 4 * 16_384));
    expect([dataBytes(client, 1), dataBytes(client, 3)]).toEqual([2 * 16_384, 2 * 16_384]);
    client.write((writer) => writer.windowUpdate(0, 1_000_000));
    expect([dataBytes(client, 1) + DEFAULT_WINDOW, dataBytes(client, 3)]).toEqual([
      200_000, 200_000,
    ]);
  });

  it("§6.9.1: END_STREAM needs no window", () => {
    const client = answering(new RawClient().open([{ id: SettingId.initialWindowSize, value: 0 }]));
    client.connection.end(1);
    expect(client.read().frames).toMatchObject([{ kind: "data", flowBytes: 0, endStream: true }]);
  });

  it("§6.9.2: SETTINGS MUST move the windows of open streams, below zero as well", () => {
    const client = answering(new RawClient().open());
    client.connection.send(1, new Uint8Array(70_000));
    expect(dataBytes(client.read())).toBe(65_535);
    client.write((writer) => writer.windowUpdate(0, 100_000));
    client.write((writer) => writer.settings([{ id: SettingId.initialWindowSize, value: 1_000 }]));
    client.forget().write((writer) => writer.windowUpdate(1, 65_535 - 1_000));
    expect(dataBytes(client)).toBe(0);
    client.write((writer) => writer.settings([{ id: SettingId.initialWindowSize, value: 1_010 }]));
    expect(dataBytes(client)).toBe(10);
  });

  it("§6.9.1: a window above 2^31-1 MUST end the stream or the connection", () => {
    const client = answering(new RawClient().open());
    client.write((writer) => writer.windowUpdate(1, WINDOW_MAX));
    expect(client.resetOf(1)).toBe(ErrorCode.flowControlError);
    expect(client.goaway).toBeUndefined();
    client.write((writer) => writer.windowUpdate(0, WINDOW_MAX));
    expect(client.goaway).toBe(ErrorCode.flowControlError);
  });

  it("§6.9.2: SETTINGS that overflow a stream's window MUST be a FLOW_CONTROL_ERROR", () => {
    const client = answering(new RawClient().open());
    client.write((writer) => writer.windowUpdate(1, 1));
    client.write((writer) =>
      writer.settings([{ id: SettingId.initialWindowSize, value: WINDOW_MAX }]),
    );
    expect(client.goaway).toBe(ErrorCode.flowControlError);
  });

  it("send() that does not wait as it was told loses no `writable`", () => {
    const client = answering(new RawClient().open([{ id: SettingId.initialWindowSize, value: 0 }]));
    expect(client.connection.send(1, new Uint8Array(queuedBytesMax))).toBe(false);
    // Less is queued now than what makes one wait, and more than what ends the wait.
    client.write((writer) => writer.windowUpdate(1, queuedBytesMax / 4));
    expect(client.eventKinds).toEqual([]);
    expect(client.connection.send(1, new Uint8Array(1))).toBe(false);
    client.write((writer) => writer.windowUpdate(1, queuedBytesMax));
    expect(client.eventKinds).toEqual(["writable"]);
  });

  it("send() says when to wait, and the event `writable` when to go on", () => {
    const client = answering(new RawClient().open([{ id: SettingId.initialWindowSize, value: 0 }]));
    expect(client.connection.send(1, new Uint8Array(queuedBytesMax - 1))).toBe(true);
    expect(client.connection.send(1, new Uint8Array(1))).toBe(false);
    client.write((writer) => writer.windowUpdate(1, queuedBytesMax / 2));
    expect(client.eventKinds).toEqual([]);
    client.write((writer) => writer.windowUpdate(1, 1));
    expect(client.eventKinds).toEqual(["writable"]);
  });

  it("a stream that was reset leaves its queue behind", () => {
    const client = answering(new RawClient().open([{ id: SettingId.initialWindowSize, value: 1 }]));
    client.connection.send(1, new Uint8Array(100));
    client.connection.endWithTrailers(1, OK, { isShared: false });
    client.read().write((writer) => writer.rstStream(1, ErrorCode.cancel));
    client.forget().write((writer) => writer.windowUpdate(0, 1_000));
    client.write((writer) => writer.windowUpdate(1, 1_000));
    expect(client.kinds).toEqual([]);
  });
});

describe("ServerConnection: receiving", () => {
  it("§6.9: DATA beyond the stream's window is a FLOW_CONTROL_ERROR", () => {
    const client = new RawClient().open().request(1, { endStream: false });
    for (let sent = 0; sent < streamWindow; sent += 16_384) client.data(1, 16_384);
    expect(client.resetOf(1)).toBeUndefined();
    expect(client.data(1, 1).resetOf(1)).toBe(ErrorCode.flowControlError);
  });

  it("§6.9: DATA beyond the connection's window is a FLOW_CONTROL_ERROR", () => {
    const client = new RawClient({ connectionWindow: DEFAULT_WINDOW }).open();
    client.request(1, { endStream: false });
    for (let i = 0; i < 4; i++) client.data(1, 16_383);
    expect(client.goaway).toBeUndefined();
    expect(client.data(1, 16_384).goaway).toBe(ErrorCode.flowControlError);
  });

  it("§6.9.1: consumed content widens both windows, in large steps", () => {
    const client = new RawClient({ connectionWindow: streamWindow }).open();
    client.request(1, { endStream: false });
    for (let sent = 0; sent < streamWindow; sent += 16_384) client.data(1, 16_384);
    client.connection.consume(1, streamWindow / 2 - 1);
    expect(client.read().kinds).toEqual([]);
    client.connection.consume(1, 1);
    expect(client.read().frames).toEqual([
      { kind: "window-update", streamId: 0, increment: streamWindow / 2 },
      { kind: "window-update", streamId: 1, increment: streamWindow / 2 },
    ]);
    expect(client.data(1, 16_384).resetOf(1)).toBeUndefined();
  });

  it("§6.9: padding, streams that ended and DATA of closed streams are given back by themselves", () => {
    const client = new RawClient({ connectionWindow: 65_536, streamWindow: 65_536 }).open();
    for (let streamId = 1; streamId < 200; streamId += 2) {
      client.request(streamId, { endStream: false }).data(streamId, 10_000);
      client.write((writer) => writer.rstStream(streamId, ErrorCode.cancel));
    }
    client.request(201, { endStream: false });
    client.connection.reset(201, ErrorCode.cancel);
    for (let i = 0; i < 100; i++) client.data(201, 10_000);
    client.request(203, { endStream: false });
    const padded = new Uint8Array(9 + 256);
    padded.set([0, 1, 0, 0, 0x08, 0, 0, 0, 203, 255]);
    for (let i = 0; i < 1_000; i++) client.raw(padded);
    expect(client.goaway).toBeUndefined();
  });
});

describe("ServerConnection: a reader that does not read", () => {
  it("nothing is framed beyond outputBytesMax, and no input is wanted (CVE-2019-9517)", () => {
    const client = new RawClient({ outputBytesMax: 50_000 });
    client.open([{ id: SettingId.initialWindowSize, value: WINDOW_MAX }]);
    client.write((writer) => writer.windowUpdate(0, WINDOW_MAX - DEFAULT_WINDOW));
    answering(client);
    client.connection.send(1, new Uint8Array(1_000_000));
    expect(client.connection.wantsInput).toBe(false);
    const parts = client.connection.takeOutput();
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    expect(bytes).toBeGreaterThanOrEqual(50_000);
    expect(bytes).toBeLessThan(50_000 + 16_384 + 100);
  });

  it("answers that end wait as well, so that no stream makes room for another", () => {
    const client = new RawClient({ outputBytesMax: 10 });
    client.open();
    client.request(1);
    client.connection.respond(1, OK, { endStream: false });
    client.connection.ping(new Uint8Array(8));
    client.connection.endWithTrailers(1, OK, { isShared: true });
    expect(client.connection.openStreams).toBe(1);
    client.connection.takeOutput();
    expect(client.connection.openStreams).toBe(0);
  });
});

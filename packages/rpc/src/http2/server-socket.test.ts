import { once } from "node:events";
import {
  connect as connectTcp,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from "node:net";
import type { AddressInfo } from "node:net";
import { encodeUtf8, VirtualClock } from "@sagong/base";
import { afterEach, describe, expect, it, vi } from "vitest";
import { HealthCheckRequest, HealthService } from "../gen/health.js";
import { StatusCode } from "../status.js";
import { Deadlines } from "./deadlines.js";
import { ErrorCode } from "./frames/error-code.js";
import {
  CLIENT_PREFACE,
  DEFAULT_FRAME_BYTES,
  FRAME_BYTES_LIMIT,
  type Frame,
} from "./frames/frame.js";
import { FrameParser } from "./frames/frame-parser.js";
import { FrameWriter } from "./frames/frame-writer.js";
import { prefixMessage } from "./grpc/message-writer.js";
import { HpackDecoder } from "./hpack/hpack-decoder.js";
import { HpackEncoder } from "./hpack/hpack-encoder.js";
import { ReceiveBudget } from "./receive-budget.js";
import { ServerSocket } from "./server-socket.js";
import { fieldsOf } from "./testing/raw-client.js";

const { check } = HealthService.methods;
const BUDGET_BYTES = 100_000;
const CALL = fieldsOf({
  ":method": "POST",
  ":scheme": "http",
  ":path": check.path,
  ":authority": "localhost",
  "content-type": "application/grpc",
  te: "trailers",
});
const EMPTY = prefixMessage(new Uint8Array(0));

const open: { servers: Server[]; sockets: Socket[] } = { servers: [], sockets: [] };
afterEach(() => {
  for (const socket of open.sockets.splice(0)) socket.destroy();
  for (const server of open.servers.splice(0)) server.close();
});

/** A client over TCP that says what it is told to, and keeps what comes back. */
class Talker {
  readonly clock = new VirtualClock();
  readonly budget = new ReceiveBudget(BUDGET_BYTES);
  readonly encoder = new HpackEncoder();
  readonly frames: Frame[] = [];
  readonly #decoder = new HpackDecoder({ listBytesMax: 100_000 });
  readonly #parser = new FrameParser({ frameBytesMax: FRAME_BYTES_LIMIT });
  #socket: Socket | undefined;
  isClosed = false;

  /** Connects, with the preface and SETTINGS, and acknowledges the server's where asked to. */
  async open({ acknowledges = true } = {}): Promise<this> {
    const deadlines = new Deadlines(this.clock);
    const methods = new Map([[check.path, { method: check, handler: () => ({ status: 1 }) }]]);
    const { budget, clock } = this;
    const options = {
      methods,
      http: undefined,
      requestBytesMax: 1_000_000,
      compresses: false,
      budget,
    };
    const server = createTcpServer((socket) => {
      open.sockets.push(socket);
      socket.on("error", () => {});
      new ServerSocket({ socket, peerIdentity: undefined }, options, { clock, deadlines }).start(
        Buffer.alloc(0),
      );
    }).listen(0, "127.0.0.1");
    open.servers.push(server);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo; // A listening TCP server's.
    const socket = connectTcp({ host: "127.0.0.1", port, noDelay: true });
    open.sockets.push(socket);
    this.#socket = socket;
    socket.on("error", () => {});
    socket.on("close", () => {
      this.isClosed = true;
    });
    socket.on("data", (chunk: Buffer) => {
      // Copied: the frames are views, and are kept.
      this.#parser.parse(new Uint8Array(chunk), (frame) => this.frames.push(frame));
    });
    this.send((writer) => {
      writer.raw(encodeUtf8(CLIENT_PREFACE));
      writer.settings([]);
      if (acknowledges) writer.settingsAck();
    });
    await this.until((frames) => frames.some(({ kind }) => kind === "settings-ack"));
    return this;
  }

  send(write: (writer: FrameWriter) => void): void {
    const writer = new FrameWriter();
    write(writer);
    for (const part of writer.take()) this.#socket?.write(new Uint8Array(part));
  }

  begin(streamId: number): void {
    const block = this.encoder.encode(CALL);
    this.send((writer) =>
      writer.headers(streamId, block, { endStream: false, frameBytesMax: DEFAULT_FRAME_BYTES }),
    );
  }

  data(streamId: number, data: Uint8Array, endStream = false): void {
    this.send((writer) => {
      for (let at = 0; at < data.length; at += DEFAULT_FRAME_BYTES) {
        const end = at + DEFAULT_FRAME_BYTES;
        writer.data(streamId, data.slice(at, end), { endStream: endStream && end >= data.length });
      }
    });
  }

  until(condition: (frames: readonly Frame[]) => boolean): Promise<void> {
    const check = (): void => {
      if (!condition(this.frames)) throw new Error("the frames that are waited for did not come");
    };
    return vi.waitFor(check, { interval: 1 });
  }

  /** The fields of the stream's trailers, or of its only section. To be asked in order. */
  async ending(streamId: number): Promise<Readonly<Record<string, string>>> {
    const isEnd = (frame: Frame): boolean =>
      frame.kind === "headers" && frame.streamId === streamId && frame.endStream;
    await this.until((frames) => frames.some(isEnd));
    const fields: Record<string, string> = {};
    for (const frame of this.frames) {
      if (frame.kind !== "headers") continue;
      for (const { name, value } of this.#decoder.decode(frame.fragment).fields) {
        if (frame.streamId === streamId) fields[name] = value;
      }
    }
    this.frames.length = 0;
    return fields;
  }

  get goaway(): number | undefined {
    const frame = this.frames.findLast(({ kind }) => kind === "goaway");
    return frame?.kind === "goaway" ? frame.errorCode : undefined;
  }
}

describe("ServerSocket", () => {
  it("refuses the request that makes unfinished ones too large, and no other", async () => {
    const client = await new Talker().open();
    const half = prefixMessage(HealthCheckRequest.encode({ service: "x".repeat(50_000) })).subarray(
      0,
      40_000,
    );
    for (const streamId of [1, 3, 5]) {
      client.begin(streamId);
      client.data(streamId, half);
    }
    const refused = await client.ending(5);
    expect(refused["grpc-status"]).toBe(String(StatusCode.resourceExhausted));
    expect(refused["grpc-message"]).toContain(`expected at most ${BUDGET_BYTES}`);
    expect(client.budget.heldBytes).toBe(80_000);
    client.send((writer) => writer.rstStream(1, ErrorCode.cancel));
    await vi.waitFor(() => expect(client.budget.heldBytes).toBe(40_000));
    const rest = prefixMessage(HealthCheckRequest.encode({ service: "x".repeat(50_000) })).subarray(
      40_000,
    );
    client.data(3, rest, true);
    expect((await client.ending(3))["grpc-status"]).toBe("0");
    expect(client.budget.heldBytes).toBe(0);
  });

  it("a client that does not acknowledge SETTINGS is told SETTINGS_TIMEOUT, and cut off", async () => {
    const client = await new Talker().open({ acknowledges: false });
    client.clock.advance(30_000);
    await vi.waitFor(() => expect(client.goaway).toBe(ErrorCode.settingsTimeout));
    await vi.waitFor(() => expect(client.isClosed).toBe(true));
  });

  it("pings a client that is silent for two hours, and keeps it if it answers", async () => {
    const client = await new Talker().open();
    client.clock.advance(30_000 + 7_200_000);
    await client.until((frames) => frames.some(({ kind }) => kind === "ping"));
    client.send((writer) => writer.ping(new Uint8Array(8), { isAck: true }));
    client.begin(1);
    client.data(1, EMPTY, true);
    expect((await client.ending(1))["grpc-status"]).toBe("0");
    client.clock.advance(20_000);
    expect(client.isClosed).toBe(false);
    client.clock.advance(7_200_000);
    await client.until((frames) => frames.some(({ kind }) => kind === "ping"));
    client.clock.advance(20_000);
    await vi.waitFor(() => expect(client.isClosed).toBe(true));
  });

  it("cuts a client off that begins a header section and does not end it", async () => {
    const client = await new Talker().open();
    // HEADERS without END_HEADERS, of which nothing follows.
    client.send((writer) => writer.raw(Uint8Array.of(0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82)));
    await vi.waitFor(() => {
      client.clock.advance(10_000);
      expect(client.isClosed).toBe(true);
    });
  });

  it("takes a client's pings every ten seconds for hours, as grpc-js's and Go's keepalives are", async () => {
    const client = await new Talker().open();
    let acks = 0;
    for (let round = 0; round < 100; round++) {
      client.frames.length = 0;
      client.send((writer) => {
        for (let i = 0; i < 10; i++) writer.ping(new Uint8Array(8), { isAck: false });
      });
      await client.until((frames) => frames.filter(({ kind }) => kind === "ping").length >= 10);
      acks += client.frames.filter((frame) => frame.kind === "ping" && frame.isAck).length;
      client.clock.advance(100_000);
    }
    expect(acks).toBe(1_000);
    expect(client.goaway).toBeUndefined();
    expect(client.isClosed).toBe(false);
  });

  it("answers several calls of one segment, known and unknown, whole and in parts", async () => {
    const client = await new Talker().open();
    const block = (): Uint8Array => client.encoder.encode(CALL);
    const end = { endStream: false, frameBytesMax: DEFAULT_FRAME_BYTES };
    client.send((writer) => {
      for (const streamId of [1, 3, 5]) writer.headers(streamId, block(), end);
      writer.data(5, EMPTY, { endStream: true });
      writer.data(1, EMPTY.slice(0, 3), { endStream: false });
      writer.data(3, EMPTY, { endStream: false });
      writer.data(1, EMPTY.slice(3), { endStream: true });
      writer.data(3, new Uint8Array(0), { endStream: true });
    });
    await client.until(
      (frames) =>
        frames.filter((frame) => frame.kind === "headers" && frame.endStream).length === 3,
    );
    const answered = client.frames.flatMap((frame) =>
      frame.kind === "data" ? [frame.streamId] : [],
    );
    expect(answered).toEqual([5, 1, 3]);
  });
});

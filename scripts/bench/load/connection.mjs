// @ts-check
/**
 * One HTTP/2 connection of the load generator: a plain gRPC client that does as little as it can,
 * so that the members are what is measured. What is called while a chunk is read leaves in one
 * write after it. It honours the server's flow control, and gives the server as much room as
 * h2load does.
 *
 * It does not check what a real client would; whoever calls looks at statuses and counts answers.
 */
import { connect } from "node:net";
import { once } from "node:events";
// By path, not by name: the engine is no public part of its package.
import { HpackDecoder } from "../../../packages/rpc/dist/http2/hpack/hpack-decoder.js";
import { Flag, FrameReader, FrameType, FrameWriter, settingsPayload, uint32 } from "./frames.mjs";
import { MessageCutter } from "./message-cutter.mjs";
import { RequestFields } from "./request-fields.mjs";

/**
 * @typedef {object} CallHandler
 * @property {(bytes: Buffer, start: number, end: number) => void} onMessage
 * @property {(status: number, text: string) => void} onEnd gRPC's status; -1 where there was none
 */

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const SETTING = { tableBytes: 1, enablePush: 2, streamsMax: 3, windowBytes: 4 };
/** RFC 9113 §6.9.2. */
const INITIAL_WINDOW_BYTES = 65_535;
/** What we let the server send: as h2load's `-w30 -W30`. */
const RECEIVE_WINDOW_BYTES = 2 ** 30 - 1;
/** Given back in pieces of this size. */
const REFILL_BYTES = 2 ** 28;
const LIST_BYTES_MAX = 65_536;
/** Read at a time, at most. */
const READ_BYTES = 262_144;
const CANCEL = 8;
const CONNECT_LIMIT_MS = 5_000;

/** @param {string} endpoint as in `http://127.0.0.1:2379` */
export async function openConnection(endpoint) {
  const { hostname, port } = new URL(endpoint);
  /** @type {Connection | undefined} */
  let connection;
  const onread = {
    // One memory for all that is read: nothing of it is looked at once it was taken.
    buffer: Buffer.allocUnsafe(READ_BYTES),
    callback: (/** @type {number} */ bytes, /** @type {Uint8Array} */ buffer) => {
      connection?.take(/** @type {Buffer} */ (buffer).subarray(0, bytes));
      return true;
    },
  };
  const socket = connect({ host: hostname, port: Number(port), noDelay: true, onread });
  const timer = setTimeout(
    () => socket.destroy(new Error(`no connection to ${endpoint} in ${CONNECT_LIMIT_MS} ms`)),
    CONNECT_LIMIT_MS,
  );
  try {
    await once(socket, "connect");
  } finally {
    clearTimeout(timer);
  }
  // What the server sends first comes in a later turn: nothing is missed.
  connection = new Connection(socket, `${hostname}:${port}`);
  return connection;
}

export class Connection {
  /** When the chunk came that is being read: `performance.now()`. */
  now = performance.now();
  #socket;
  #fields;
  #reader = new FrameReader((type, flags, id, bytes, start, end) =>
    this.#take(type, flags, id, bytes, start, end),
  );
  #writer = new FrameWriter();
  #decoder = new HpackDecoder({ listBytesMax: LIST_BYTES_MAX });
  /** @type {Map<number, Stream>} */
  #streams = new Map();
  #nextStream = 1;
  #isReading = false;
  #isFlushDue = false;
  /** What we may send: on the connection, and on a stream that begins. */
  #sendWindow = INITIAL_WINDOW_BYTES;
  #streamWindow = INITIAL_WINDOW_BYTES;
  #streamsMax = Infinity;
  /** Streams with messages that wait for a window. @type {Set<Stream>} */
  #blocked = new Set();
  #received = 0;
  /** A header block in several frames. @type {{ stream: number, flags: number, parts: Buffer[] } | undefined} */
  #block;
  /** @type {Error | undefined} */
  #failure;

  /** @param {import("node:net").Socket} socket @param {string} authority */
  constructor(socket, authority) {
    this.#socket = socket;
    this.#fields = new RequestFields(authority);
    socket.once("error", (error) => this.#fail(error));
    socket.once("close", () => this.#fail(new Error(`${authority} closed the connection`)));
    const settings = { [SETTING.enablePush]: 0, [SETTING.windowBytes]: RECEIVE_WINDOW_BYTES };
    this.#writer.raw(PREFACE);
    this.#writer.frame(FrameType.settings, 0, 0, settingsPayload(settings));
    const more = uint32(RECEIVE_WINDOW_BYTES - INITIAL_WINDOW_BYTES);
    this.#writer.frame(FrameType.windowUpdate, 0, 0, more);
    this.#flushSoon();
  }

  /** Why no call can be made any more. */
  get failure() {
    return this.#failure;
  }

  /**
   * A call with one request.
   * @param {string} path
   * @param {Buffer} framed with gRPC's head; may be changed once this returns
   * @param {CallHandler} handler
   * @returns {number} for `cancel()`
   */
  call(path, framed, handler) {
    const stream = this.#open(path, handler);
    this.#send(stream, framed, true);
    return stream.id;
  }

  /** Its handler hears nothing more. @param {number} id */
  cancel(id) {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    this.#blocked.delete(stream);
    this.#writer.frame(FrameType.resetStream, 0, id, uint32(CANCEL));
    this.#flushSoon();
  }

  /**
   * A call with many requests.
   * @param {string} path
   * @param {CallHandler} handler
   */
  stream(path, handler) {
    const stream = this.#open(path, handler);
    return {
      /** @param {Buffer} framed with gRPC's head */
      send: (framed) => this.#send(stream, framed, false),
      cancel: () => this.cancel(stream.id),
    };
  }

  close() {
    this.#failure ??= new Error("closed");
    this.#streams.clear();
    this.#socket.destroy();
  }

  /** @param {string} path @param {CallHandler} handler */
  #open(path, handler) {
    if (this.#failure) throw this.#failure;
    if (this.#streams.size >= this.#streamsMax) {
      throw new Error(`Cannot open a call: ${this.#streamsMax} are under way, the server's limit`);
    }
    const stream = new Stream(this.#nextStream, handler, this.#streamWindow);
    this.#nextStream += 2;
    this.#streams.set(stream.id, stream);
    const block = this.#fields.block(path);
    this.#writer.frame(FrameType.headers, Flag.endHeaders, stream.id, block);
    this.#flushSoon();
    return stream;
  }

  /** @param {Stream} stream @param {Buffer} framed @param {boolean} isLast */
  #send(stream, framed, isLast) {
    const room = Math.min(this.#sendWindow, stream.window, FRAME_BYTES_MAX);
    if (stream.waiting.length > 0 || framed.length > room) {
      stream.waiting.push({ framed: Buffer.from(framed), isLast });
      this.#blocked.add(stream);
      this.#sendBlocked();
      return;
    }
    this.#data(stream, framed, isLast);
    this.#flushSoon();
  }

  /** @param {Stream} stream @param {Buffer} bytes @param {boolean} isLast */
  #data(stream, bytes, isLast) {
    this.#sendWindow -= bytes.length;
    stream.window -= bytes.length;
    this.#writer.frame(FrameType.data, isLast ? Flag.endStream : 0, stream.id, bytes);
  }

  #sendBlocked() {
    for (const stream of this.#blocked) {
      while (stream.waiting.length > 0) {
        const room = Math.min(this.#sendWindow, stream.window, FRAME_BYTES_MAX);
        if (room <= 0) break;
        const first = /** @type {Waiting} */ (stream.waiting[0]);
        const isWhole = first.framed.length <= room;
        this.#data(stream, first.framed.subarray(0, room), isWhole && first.isLast);
        if (isWhole) stream.waiting.shift();
        else first.framed = first.framed.subarray(room);
      }
      if (stream.waiting.length === 0) this.#blocked.delete(stream);
      if (this.#sendWindow <= 0) break;
    }
    this.#flushSoon();
  }

  /** What the socket has read. @param {Buffer} chunk may be read into again once this returns */
  take(chunk) {
    this.now = performance.now();
    this.#isReading = true;
    try {
      this.#reader.read(chunk);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
    this.#isReading = false;
    if (this.#writer.length > 0) this.#flush();
  }

  /** @type {import("./frames.mjs").OnFrame} */
  #take(type, flags, id, bytes, start, end) {
    if (type === FrameType.data) this.#takeData(flags, id, bytes, start, end);
    else if (type === FrameType.headers) this.#takeHeaders(flags, id, bytes, start, end);
    else if (type === FrameType.windowUpdate) this.#takeWindow(id, bytes.readUInt32BE(start));
    else if (type === FrameType.settings) this.#takeSettings(flags, bytes, start, end);
    else if (type === FrameType.ping) {
      if ((flags & Flag.ack) !== 0) return;
      this.#writer.frame(FrameType.ping, Flag.ack, 0, bytes.subarray(start, end));
    } else if (type === FrameType.resetStream) {
      this.#end(id, -1, `stream reset with ${bytes.readUInt32BE(start)}`);
    } else if (type === FrameType.goAway) {
      throw new Error(`the server sent GOAWAY with ${bytes.readUInt32BE(start + 4)}`);
    } else if (type === FrameType.continuation) {
      this.#takeContinuation(flags, bytes, start, end);
    } else if (type === FrameType.pushPromise) throw new Error("the server pushed");
  }

  /** @type {(flags: number, id: number, bytes: Buffer, start: number, end: number) => void} */
  #takeData(flags, id, bytes, start, end) {
    const stream = this.#streams.get(id);
    this.#received += end - start;
    if (this.#received >= REFILL_BYTES) {
      this.#writer.frame(FrameType.windowUpdate, 0, 0, uint32(this.#received));
      this.#received = 0;
    }
    if (stream === undefined) return;
    stream.received += end - start;
    const isEnd = (flags & Flag.endStream) !== 0;
    if (stream.received >= REFILL_BYTES && !isEnd) {
      this.#writer.frame(FrameType.windowUpdate, 0, id, uint32(stream.received));
      stream.received = 0;
    }
    const padding = (flags & Flag.padded) === 0 ? 0 : 1 + /** @type {number} */ (bytes[start]);
    const from = padding === 0 ? start : start + 1;
    stream.cutter.cut(bytes, from, padding === 0 ? end : end - padding + 1, stream.handler);
    if (isEnd) this.#end(id, -1, "no trailers");
  }

  /** @type {(flags: number, id: number, bytes: Buffer, start: number, end: number) => void} */
  #takeHeaders(flags, id, bytes, start, end) {
    let from = start;
    let to = end;
    if ((flags & Flag.padded) !== 0) to -= /** @type {number} */ (bytes[from++]);
    if ((flags & Flag.priority) !== 0) from += 5;
    if ((flags & Flag.endHeaders) !== 0) {
      this.#takeBlock(id, flags, bytes.subarray(from, to));
      return;
    }
    this.#block = { stream: id, flags, parts: [Buffer.from(bytes.subarray(from, to))] };
  }

  /** @type {(flags: number, bytes: Buffer, start: number, end: number) => void} */
  #takeContinuation(flags, bytes, start, end) {
    const block = this.#block;
    if (block === undefined) throw new Error("the server sent CONTINUATION out of place");
    block.parts.push(Buffer.from(bytes.subarray(start, end)));
    if ((flags & Flag.endHeaders) === 0) return;
    this.#block = undefined;
    this.#takeBlock(block.stream, block.flags, Buffer.concat(block.parts));
  }

  /** @param {number} id @param {number} flags @param {Buffer} block */
  #takeBlock(id, flags, block) {
    const { fields } = this.#decoder.decode(block);
    if ((flags & Flag.endStream) === 0) return;
    let status = -1;
    let text = "";
    for (const { name, value } of fields) {
      if (name === "grpc-status") status = Number(value);
      else if (name === "grpc-message") text = decoded(value);
      else if (name === ":status" && value !== "200") text ||= `HTTP ${value}`;
    }
    this.#end(id, status, text);
  }

  /** @param {number} id @param {number} status @param {string} text */
  #end(id, status, text) {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    if (stream.waiting.length > 0) this.#blocked.delete(stream);
    if (stream.cutter.isBetweenMessages) stream.handler.onEnd(status, text);
    else stream.handler.onEnd(-1, "a message was cut off");
  }

  /** @param {number} id @param {number} bytes */
  #takeWindow(id, bytes) {
    if (id === 0) this.#sendWindow += bytes;
    else {
      const stream = this.#streams.get(id);
      if (stream !== undefined) stream.window += bytes;
    }
    if (this.#blocked.size > 0) this.#sendBlocked();
  }

  /** @type {(flags: number, bytes: Buffer, start: number, end: number) => void} */
  #takeSettings(flags, bytes, start, end) {
    if ((flags & Flag.ack) !== 0) return;
    for (let at = start; at + 6 <= end; at += 6) {
      const id = bytes.readUInt16BE(at);
      const value = bytes.readUInt32BE(at + 2);
      if (id === SETTING.streamsMax) this.#streamsMax = value;
      else if (id === SETTING.windowBytes) {
        for (const stream of this.#streams.values()) stream.window += value - this.#streamWindow;
        this.#streamWindow = value;
      } else if (id === SETTING.tableBytes && value < 4_096) {
        throw new Error(`the server wants a header table of ${value} bytes, expected 4096 or more`);
      }
    }
    this.#writer.frame(FrameType.settings, Flag.ack, 0, NOTHING);
    if (this.#blocked.size > 0) this.#sendBlocked();
  }

  #flushSoon() {
    if (this.#isReading || this.#isFlushDue) return;
    this.#isFlushDue = true;
    queueMicrotask(() => {
      this.#isFlushDue = false;
      if (this.#writer.length > 0) this.#flush();
    });
  }

  #flush() {
    if (this.#failure) return;
    this.#socket.write(this.#writer.written);
    // With nothing left to write, the kernel has it, and the memory is ours again.
    this.#writer.clear({ keepMemory: this.#socket.writableLength === 0 });
  }

  /** @param {Error} error */
  #fail(error) {
    if (this.#failure) return;
    this.#failure = error;
    this.#socket.destroy();
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const { handler } of streams) handler.onEnd(-1, error.message);
  }
}

/** gRPC's status messages are percent-encoded, more or less. @param {string} text */
function decoded(text) {
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

/** RFC 9113 §6.5.2: what every peer takes. */
const FRAME_BYTES_MAX = 16_384;
const NOTHING = Buffer.alloc(0);

/** @typedef {{ framed: Buffer, isLast: boolean }} Waiting */

class Stream {
  id;
  handler;
  window;
  received = 0;
  cutter = new MessageCutter();
  /** @type {Waiting[]} */
  waiting = [];

  /** @param {number} id @param {CallHandler} handler @param {number} window */
  constructor(id, handler, window) {
    this.id = id;
    this.handler = handler;
    this.window = window;
  }
}

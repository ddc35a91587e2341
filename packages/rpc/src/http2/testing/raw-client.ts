/**
 * A client that writes what it is told to, right or wrong, to a `ServerConnection`, and keeps what
 * comes back: frames as values, and the connection's events. For tests.
 */
import { concatBytes, encodeUtf8, VirtualClock } from "@sagong/base";
import type { ServerEvent } from "../connection/connection-event.js";
import { type ConnectionLimits, DEFAULT_LIMITS } from "../connection/limits.js";
import { ServerConnection } from "../connection/server-connection.js";
import {
  CLIENT_PREFACE,
  DEFAULT_FRAME_BYTES,
  FRAME_BYTES_LIMIT,
  type Frame,
  type Setting,
} from "../frames/frame.js";
import { FrameParser } from "../frames/frame-parser.js";
import { FrameWriter } from "../frames/frame-writer.js";
import type { HeaderField } from "../hpack/header-field.js";
import { HpackDecoder } from "../hpack/hpack-decoder.js";
import { HpackEncoder } from "../hpack/hpack-encoder.js";

/** A list larger than any that a test makes. */
const LIST_BYTES_MAX = 1_000_000;

export const GET: readonly HeaderField[] = fieldsOf({
  ":method": "GET",
  ":scheme": "http",
  ":path": "/",
  ":authority": "localhost",
});

export const OK: readonly HeaderField[] = fieldsOf({ ":status": "200" });

export function fieldsOf(fields: Readonly<Record<string, string>>): HeaderField[] {
  return Object.entries(fields).map(([name, value]) => ({ name, value }));
}

export class RawClient {
  readonly clock: VirtualClock = new VirtualClock();
  readonly connection: ServerConnection;
  readonly encoder: HpackEncoder = new HpackEncoder();
  /** Everything that came back since the last `forget`. */
  readonly frames: Frame[] = [];
  readonly events: ServerEvent[] = [];
  readonly #writer = new FrameWriter();
  readonly #parser = new FrameParser({ frameBytesMax: FRAME_BYTES_LIMIT });
  readonly #decoder = new HpackDecoder({ listBytesMax: LIST_BYTES_MAX });

  constructor(limits: Partial<ConnectionLimits> = {}) {
    this.connection = new ServerConnection({ ...DEFAULT_LIMITS, ...limits }, this);
  }

  /** Preface and SETTINGS, both ways, and acknowledged. */
  open(settings: readonly Setting[] = []): this {
    this.#writer.raw(encodeUtf8(CLIENT_PREFACE));
    this.write((writer) => {
      writer.settings(settings);
      writer.settingsAck();
    });
    return this.forget();
  }

  /** Sends frames; answers are in `frames` and `events` afterwards. */
  write(write: (writer: FrameWriter) => void): this {
    write(this.#writer);
    return this.raw(concatBytes(this.#writer.take()));
  }

  raw(bytes: Uint8Array): this {
    this.connection.receive(bytes);
    return this.read();
  }

  /** A request's HEADERS. */
  request(
    streamId: number,
    {
      fields = GET,
      endStream = true,
    }: { fields?: readonly HeaderField[]; endStream?: boolean } = {},
  ): this {
    const block = this.encoder.encode(fields);
    return this.write((writer) =>
      writer.headers(streamId, block, { endStream, frameBytesMax: DEFAULT_FRAME_BYTES }),
    );
  }

  data(streamId: number, bytes: number, endStream = false): this {
    return this.write((writer) => writer.data(streamId, new Uint8Array(bytes), { endStream }));
  }

  /** Takes what the connection has to send, all of it, and its events. */
  read(): this {
    this.events.push(...this.connection.takeEvents());
    while (this.connection.hasOutput) {
      for (const part of this.connection.takeOutput()) {
        // Copied: the parser's frames are views, and are kept.
        this.#parser.parse(part.slice(), (frame) => this.frames.push(frame));
      }
      this.events.push(...this.connection.takeEvents());
    }
    return this;
  }

  forget(): this {
    this.frames.length = 0;
    this.events.length = 0;
    return this;
  }

  /** The fields of a HEADERS frame that came back. To be called once for each, in order. */
  fields(frame: Frame | undefined): string[] {
    if (frame?.kind !== "headers") return [];
    return this.#decoder
      .decode(frame.fragment)
      .fields.map(({ name, value }) => `${name}: ${value}`);
  }

  /** The error code of the last GOAWAY, where one came. */
  get goaway(): number | undefined {
    const frame = this.frames.findLast(({ kind }) => kind === "goaway");
    return frame?.kind === "goaway" ? frame.errorCode : undefined;
  }

  /** The error code of the stream's RST_STREAM, where one came. */
  resetOf(streamId: number): number | undefined {
    const frame = this.frames.find((one) => one.kind === "rst-stream" && one.streamId === streamId);
    return frame?.kind === "rst-stream" ? frame.errorCode : undefined;
  }

  /** Kinds of what came back, for a glance. */
  get kinds(): string[] {
    return this.frames.map(({ kind }) => kind);
  }

  get eventKinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }
}

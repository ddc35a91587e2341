/**
 * A server that writes what it is told to, right or wrong, to a `ClientConnection`, and keeps what
 * comes back: frames as values, and the connection's events. For tests.
 */
import { concatBytes, VirtualClock } from "@sagong/base";
import { ClientConnection } from "../connection/client-connection.js";
import type { ClientEvent } from "../connection/connection-event.js";
import { type ConnectionLimits, DEFAULT_LIMITS } from "../connection/limits.js";
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
import { fieldsOf, OK } from "./raw-client.js";

/** A list larger than any that a test makes. */
const LIST_BYTES_MAX = 1_000_000;

export const POST: readonly HeaderField[] = fieldsOf({
  ":method": "POST",
  ":scheme": "http",
  ":path": "/a/b",
  ":authority": "localhost",
}).map((field) => ({ ...field, indexing: "incremental" as const }));

export class RawServer {
  readonly clock: VirtualClock = new VirtualClock();
  readonly connection: ClientConnection;
  readonly encoder: HpackEncoder = new HpackEncoder();
  /** Everything that came since the last `forget`. */
  readonly frames: Frame[] = [];
  readonly events: ClientEvent[] = [];
  readonly #writer = new FrameWriter();
  readonly #parser = new FrameParser({ frameBytesMax: FRAME_BYTES_LIMIT });
  readonly #decoder = new HpackDecoder({ listBytesMax: LIST_BYTES_MAX });
  #prefaceLeft = CLIENT_PREFACE.length;

  constructor(limits: Partial<ConnectionLimits> = {}) {
    this.connection = new ClientConnection({ ...DEFAULT_LIMITS, ...limits }, this);
    this.read();
  }

  /** SETTINGS both ways, and acknowledged. */
  open(settings: readonly Setting[] = []): this {
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

  /** Lets the client open a stream, with its request still open where `endStream` is not set. */
  request({ endStream = true }: { readonly endStream?: boolean } = {}): number {
    const streamId = this.connection.request(POST, { endStream });
    this.read();
    return streamId;
  }

  /** HEADERS: a response's head, or trailers. */
  headers(
    streamId: number,
    {
      fields = OK,
      endStream = false,
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
        const bytes = part.slice(Math.min(this.#prefaceLeft, part.length));
        this.#prefaceLeft -= part.length - bytes.length;
        this.#parser.parse(bytes, (frame) => this.frames.push(frame));
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

  /** The fields of a HEADERS frame that came. To be called once for each, in order. */
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

  /** Kinds of what came, for a glance. */
  get kinds(): string[] {
    return this.frames.map(({ kind }) => kind);
  }

  get eventKinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }
}

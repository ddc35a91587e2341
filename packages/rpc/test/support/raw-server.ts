/**
 * A server that writes what it is told to, right or wrong, to a `ClientConnection`, and keeps what
 * comes back: the other half of `RawClient`.
 */
import { concatBytes, VirtualClock } from "@sagong/base";
import { ClientConnection } from "../../src/http2/connection/client-connection.js";
import type { ClientEvent } from "../../src/http2/connection/connection-event.js";
import { type ConnectionLimits, DEFAULT_LIMITS } from "../../src/http2/connection/limits.js";
import { CLIENT_PREFACE, FRAME_BYTES_LIMIT, type Frame } from "../../src/http2/frames/frame.js";
import { FrameParser } from "../../src/http2/frames/frame-parser.js";
import type { HeaderField } from "../../src/http2/hpack/header-field.js";
import { HpackDecoder } from "../../src/http2/hpack/hpack-decoder.js";
import { HpackEncoder } from "../../src/http2/hpack/hpack-encoder.js";
import { GET } from "../../src/http2/testing/raw-client.js";
import { END_HEADERS, END_STREAM, headers, settings, SETTINGS_ACK } from "./frame-bytes.js";

export class RawServer {
  readonly clock: VirtualClock = new VirtualClock();
  readonly connection: ClientConnection;
  readonly encoder: HpackEncoder = new HpackEncoder();
  /** Everything that came since the last `forget`. */
  readonly frames: Frame[] = [];
  readonly events: ClientEvent[] = [];
  /** What the client sent before its first frame. */
  preface = "";
  readonly #parser = new FrameParser({ frameBytesMax: FRAME_BYTES_LIMIT });
  readonly #decoder = new HpackDecoder({ listBytesMax: 1_000_000 });

  constructor(limits: Partial<ConnectionLimits> = {}) {
    this.connection = new ClientConnection({ ...DEFAULT_LIMITS, ...limits }, this);
  }

  /** SETTINGS both ways, and acknowledged. */
  open(...list: readonly (readonly [id: number, value: number])[]): this {
    return this.read()
      .send(settings(...list), SETTINGS_ACK)
      .forget();
  }

  send(...frames: readonly Uint8Array[]): this {
    this.connection.receive(concatBytes(frames));
    return this.read();
  }

  /** A request of the client's; returns its stream. */
  request({
    endStream = true,
    fields = GET,
  }: { endStream?: boolean; fields?: readonly HeaderField[] } = {}): number {
    const id = this.connection.request(fields, { endStream });
    this.read();
    return id;
  }

  /** HEADERS of an answer, or of trailers. */
  respond(
    streamId: number,
    fields: readonly HeaderField[],
    { endStream }: { readonly endStream: boolean },
  ): this {
    const flags = END_HEADERS | (endStream ? END_STREAM : 0);
    return this.send(headers(streamId, this.encoder.encode(fields), flags));
  }

  /** Takes what the connection has to send, all of it, and its events. */
  read(): this {
    this.events.push(...this.connection.takeEvents());
    while (this.connection.hasOutput) {
      for (const part of this.connection.takeOutput()) this.#take(part.slice());
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
    const { fields } = this.#decoder.decode(frame.fragment);
    return fields.map(({ name, value }) => `${name}: ${value}`);
  }

  get kinds(): string[] {
    return this.frames.map(({ kind }) => kind);
  }

  get eventKinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }

  #take(bytes: Uint8Array): void {
    const missing = CLIENT_PREFACE.length - this.preface.length;
    this.preface += String.fromCharCode(...bytes.subarray(0, missing));
    this.#parser.parse(bytes.subarray(missing), (frame) => this.frames.push(frame));
  }
}

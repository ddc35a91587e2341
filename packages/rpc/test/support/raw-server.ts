import { concatBytes } from "@sagong/base";
import type { HeaderField } from "../../src/http2/hpack/header-field.js";
import { RawServer as FrameServer } from "../../src/http2/testing/raw-server.js";
import { settings, SETTINGS_ACK } from "./frame-bytes.js";

/** The server for tests, given frames as bytes. */
export class RawServer extends FrameServer {
  /** As `open`, with settings as pairs. */
  openWith(...list: readonly (readonly [id: number, value: number])[]): this {
    return this.send(settings(...list), SETTINGS_ACK).forget();
  }

  send(...frames: readonly Uint8Array[]): this {
    return this.raw(concatBytes(frames));
  }

  /** HEADERS of an answer, or of trailers. */
  respond(
    streamId: number,
    fields: readonly HeaderField[],
    { endStream }: { readonly endStream: boolean },
  ): this {
    return this.headers(streamId, { fields, endStream });
  }
}

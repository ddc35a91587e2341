/**
 * Puts field blocks together from HEADERS and the CONTINUATION frames that follow (RFC 9113 §4.3,
 * §6.10), within limits. While a block is open, no other frame may come.
 */
import { concatBytes } from "@sagong/base";
import { ConnectionError, ErrorCode } from "../frames/error-code.js";
import type { ContinuationFrame, Frame, HeadersFrame } from "../frames/frame.js";

export interface FieldBlock {
  readonly streamId: number;
  readonly block: Uint8Array;
  readonly endStream: boolean;
}

export interface FieldBlockLimits {
  readonly fieldBlockBytesMax: number;
  readonly continuationFramesMax: number;
}

export class FieldBlockAssembler {
  readonly #limits: FieldBlockLimits;
  #open: HeadersFrame | undefined;
  #fragments: Uint8Array[] = [];
  #bytes = 0;

  constructor(limits: FieldBlockLimits) {
    this.#limits = limits;
  }

  /** A block has begun and not ended. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Throws `ConnectionError` where `frame` may not come now (§6.2, §6.10, §5.5). */
  check(frame: Frame): void {
    const open = this.#open;
    const continues = frame.kind === "continuation" && frame.streamId === open?.streamId;
    if (open !== undefined && !continues) {
      throw new ConnectionError(
        ErrorCode.protocolError,
        `A ${frame.kind} frame in a field block, expected CONTINUATION on stream ${open.streamId}`,
      );
    }
    if (open === undefined && frame.kind === "continuation") {
      throw new ConnectionError(ErrorCode.protocolError, "CONTINUATION without HEADERS before it");
    }
  }

  /** The whole block, where the frame ends it. Throws `ConnectionError` beyond the limits. */
  begin(frame: HeadersFrame): FieldBlock | undefined {
    const { streamId, fragment, endStream, endHeaders } = frame;
    if (endHeaders) return { streamId, block: this.#limited(fragment), endStream };
    this.#open = frame;
    this.#add(fragment);
    return undefined;
  }

  /** As `begin`, for the frames that follow; `check` has found them in order. */
  continue({ fragment, endHeaders }: ContinuationFrame): FieldBlock | undefined {
    const open = this.#open;
    if (open === undefined) return undefined; // Ruled out by check().
    this.#add(fragment);
    if (!endHeaders) return undefined;
    const block = concatBytes(this.#fragments);
    this.#open = undefined;
    this.#fragments = [];
    this.#bytes = 0;
    return { streamId: open.streamId, block, endStream: open.endStream };
  }

  #add(fragment: Uint8Array): void {
    this.#limited(fragment);
    this.#bytes += fragment.length;
    // Kept beyond the chunk that it is a view of; slice() of a Buffer would copy nothing.
    this.#fragments.push(new Uint8Array(fragment));
    if (this.#fragments.length > this.#limits.continuationFramesMax + 1) {
      throw new ConnectionError(
        ErrorCode.enhanceYourCalm,
        `A field block in more than ${this.#limits.continuationFramesMax} CONTINUATION frames`,
      );
    }
  }

  #limited(fragment: Uint8Array): Uint8Array {
    if (this.#bytes + fragment.length <= this.#limits.fieldBlockBytesMax) return fragment;
    throw new ConnectionError(
      ErrorCode.enhanceYourCalm,
      `A field block of more than ${this.#limits.fieldBlockBytesMax} bytes`,
    );
  }
}

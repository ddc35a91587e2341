/** What a connection tells whoever serves it. Byte arrays are views: copy what is kept. */
import type { HeaderField } from "../hpack/header-field.js";

export type ConnectionEvent =
  /** A well-formed request (RFC 9113 §8.3.1). Its stream may be gone by now: ask `isOpen`. */
  | {
      readonly kind: "request";
      readonly streamId: number;
      readonly fields: readonly HeaderField[];
      readonly endStream: boolean;
    }
  /** Part of a request's content; counts against its windows until it is consumed. */
  | {
      readonly kind: "data";
      readonly streamId: number;
      readonly data: Uint8Array;
      readonly endStream: boolean;
    }
  /** The end of a request that has trailers. */
  | {
      readonly kind: "trailers";
      readonly streamId: number;
      readonly fields: readonly HeaderField[];
    }
  /** The stream ended before its time, by the client or by an error of the client's. */
  | { readonly kind: "reset"; readonly streamId: number; readonly errorCode: number }
  /** The stream takes more after `send` said that it does not. */
  | { readonly kind: "writable"; readonly streamId: number }
  /** The answer to `ping`. */
  | { readonly kind: "pong"; readonly data: Uint8Array }
  /** The last event: all streams are gone. Send what `takeOutput` gives, and close the socket. */
  | { readonly kind: "closed"; readonly errorCode: number; readonly message: string };

/** What a connection tells whoever uses it. Byte arrays are views: copy what is kept. */
import type { HeaderField } from "../hpack/header-field.js";

/** What both sides are told. */
export type ConnectionEvent =
  /** Part of a message's content; counts against its windows until it is consumed. */
  | {
      readonly kind: "data";
      readonly streamId: number;
      readonly data: Uint8Array;
      readonly endStream: boolean;
    }
  /** The end of a message that has trailers. */
  | {
      readonly kind: "trailers";
      readonly streamId: number;
      readonly fields: readonly HeaderField[];
    }
  /** The stream ended before its time, by the peer or by an error of the peer's. */
  | { readonly kind: "reset"; readonly streamId: number; readonly errorCode: number }
  /** The stream takes more after `send` said that it does not. */
  | { readonly kind: "writable"; readonly streamId: number }
  /** The answer to `ping`. */
  | { readonly kind: "pong"; readonly data: Uint8Array }
  /** The last event: all streams are gone. Send what `takeOutput` gives, and close the socket. */
  | { readonly kind: "closed"; readonly errorCode: number; readonly message: string };

export type ServerEvent =
  | ConnectionEvent
  /** A well-formed request (RFC 9113 §8.3.1). Its stream may be gone by now: ask `isOpen`. */
  | {
      readonly kind: "request";
      readonly streamId: number;
      readonly fields: readonly HeaderField[];
      readonly endStream: boolean;
    };

export type ClientEvent =
  | ConnectionEvent
  /** A well-formed final response (§8.3.2); interim ones (1xx) are not told. */
  | {
      readonly kind: "response";
      readonly streamId: number;
      readonly fields: readonly HeaderField[];
      readonly endStream: boolean;
    }
  /** The server has surely done nothing for this request (§8.7): it may be sent again. */
  | { readonly kind: "unprocessed"; readonly streamId: number; readonly message: string }
  /** The server's SETTINGS came: `canOpen` may have changed. The first one ends its preface. */
  | { readonly kind: "settings" }
  /** Streams may be opened after `canOpen` was false. */
  | { readonly kind: "openable" }
  /** No more streams will be opened; those that are open go on. */
  | { readonly kind: "draining" };

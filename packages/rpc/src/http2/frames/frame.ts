/**
 * The frames of HTTP/2 (RFC 9113 §4, §6) as values, and the numbers of their wire format. Payloads
 * are views of the bytes that were parsed: copy what is kept.
 */
import type { ErrorCode } from "./error-code.js";

export const FRAME_HEADER_BYTES = 9;
/** What everyone must accept, and what we accept: the initial SETTINGS_MAX_FRAME_SIZE (§4.2). */
export const DEFAULT_FRAME_BYTES = 16_384;
export const FRAME_BYTES_LIMIT: number = 2 ** 24 - 1;
export const STREAM_ID_MAX: number = 2 ** 31 - 1;
/** The largest flow-control window (§6.9.1). */
export const WINDOW_MAX: number = 2 ** 31 - 1;
export const DEFAULT_WINDOW = 65_535;

/** What begins every connection, before the client's SETTINGS (§3.4). */
export const CLIENT_PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

export const FrameType = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const;

export const Flag = {
  /** DATA, HEADERS. */
  endStream: 0x01,
  /** SETTINGS, PING. */
  ack: 0x01,
  endHeaders: 0x04,
  padded: 0x08,
  priority: 0x20,
} as const;

export const SettingId = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
} as const;

export interface Setting {
  /** One of `SettingId`, or an unknown one, which is to be ignored (§6.5.2). */
  readonly id: number;
  readonly value: number;
}

export interface DataFrame {
  readonly kind: "data";
  readonly streamId: number;
  readonly data: Uint8Array;
  /** What counts for flow control: the payload with its padding (§6.1). */
  readonly flowBytes: number;
  readonly endStream: boolean;
}

export interface HeadersFrame {
  readonly kind: "headers";
  readonly streamId: number;
  readonly fragment: Uint8Array;
  readonly endStream: boolean;
  readonly endHeaders: boolean;
}

export interface ContinuationFrame {
  readonly kind: "continuation";
  readonly streamId: number;
  readonly fragment: Uint8Array;
  readonly endHeaders: boolean;
}

export interface RstStreamFrame {
  readonly kind: "rst-stream";
  readonly streamId: number;
  /** One of `ErrorCode`, or an unknown one. */
  readonly errorCode: number;
}

export interface WindowUpdateFrame {
  readonly kind: "window-update";
  /** 0 for the connection's window. */
  readonly streamId: number;
  readonly increment: number;
}

/** A frame whose fault is its stream's alone (§5.4.2). */
export interface StreamErrorFrame {
  readonly kind: "stream-error";
  readonly streamId: number;
  readonly errorCode: ErrorCode;
  readonly message: string;
}

export type Frame =
  | DataFrame
  | HeadersFrame
  | ContinuationFrame
  | RstStreamFrame
  | WindowUpdateFrame
  | StreamErrorFrame
  | { readonly kind: "priority"; readonly streamId: number }
  | { readonly kind: "settings"; readonly settings: readonly Setting[] }
  | { readonly kind: "settings-ack" }
  | { readonly kind: "ping"; readonly isAck: boolean; readonly data: Uint8Array }
  | { readonly kind: "goaway"; readonly lastStreamId: number; readonly errorCode: number }
  | { readonly kind: "unknown"; readonly type: number };

/**
 * One whole frame's bytes into a `Frame`, with every rule of RFC 9113 §6 that the frame alone can
 * break: sizes, stream identifiers, padding, values. What depends on the connection's state is not
 * looked at. Priorities are deprecated (§5.3.2): checked for size, otherwise ignored.
 */
import { ConnectionError, ErrorCode } from "./error-code.js";
import {
  DEFAULT_FRAME_BYTES,
  Flag,
  FRAME_BYTES_LIMIT,
  type Frame,
  FrameType,
  type Setting,
  SettingId,
  WINDOW_MAX,
} from "./frame.js";

const PRIORITY_BYTES = 5;
const SETTING_BYTES = 6;
const PING_BYTES = 8;
const GOAWAY_BYTES_MIN = 8;

export interface FrameHeader {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
}

/** Throws `ConnectionError`; a fault of one stream only is a `StreamErrorFrame`. */
export function parseFrame(header: FrameHeader, payload: Uint8Array): Frame {
  switch (header.type) {
    case FrameType.data:
      return parseData(header, payload);
    case FrameType.headers:
      return parseHeaders(header, payload);
    case FrameType.priority:
      return parsePriority(header, payload);
    case FrameType.rstStream:
      requireStream(header, "RST_STREAM"); // §6.4
      requireLength(payload, 4, "RST_STREAM");
      return { kind: "rst-stream", streamId: header.streamId, errorCode: uint32At(payload, 0) };
    case FrameType.settings:
      return parseSettings(header, payload);
    case FrameType.pushPromise:
      // §8.4: clients cannot push, and ours forbids it to servers (SETTINGS_ENABLE_PUSH 0).
      throw protocolError("PUSH_PROMISE is not allowed on this connection");
    case FrameType.ping:
      requireConnection(header, "PING"); // §6.7
      requireLength(payload, PING_BYTES, "PING");
      return { kind: "ping", isAck: (header.flags & Flag.ack) !== 0, data: payload };
    case FrameType.goaway:
      return parseGoaway(header, payload);
    case FrameType.windowUpdate:
      return parseWindowUpdate(header, payload);
    case FrameType.continuation:
      requireStream(header, "CONTINUATION"); // §6.10
      return {
        kind: "continuation",
        streamId: header.streamId,
        fragment: payload,
        endHeaders: (header.flags & Flag.endHeaders) !== 0,
      };
    default:
      return { kind: "unknown", type: header.type }; // §4.1, §5.5
  }
}

/** §6.1 */
function parseData(header: FrameHeader, payload: Uint8Array): Frame {
  requireStream(header, "DATA");
  const isPadded = (header.flags & Flag.padded) !== 0;
  return {
    kind: "data",
    streamId: header.streamId,
    data: isPadded ? withoutPadding(payload, { skip: 0, name: "DATA" }) : payload,
    flowBytes: payload.length,
    endStream: (header.flags & Flag.endStream) !== 0,
  };
}

/** §6.2 */
function parseHeaders(header: FrameHeader, payload: Uint8Array): Frame {
  requireStream(header, "HEADERS");
  const skip = header.flags & Flag.priority ? PRIORITY_BYTES : 0;
  let fragment = payload;
  if (header.flags & Flag.padded) {
    fragment = withoutPadding(payload, { skip, name: "HEADERS" });
  } else if (skip > 0) {
    requireAtLeast(payload, skip, "HEADERS");
    fragment = payload.subarray(skip);
  }
  return {
    kind: "headers",
    streamId: header.streamId,
    fragment,
    endStream: (header.flags & Flag.endStream) !== 0,
    endHeaders: (header.flags & Flag.endHeaders) !== 0,
  };
}

/** §6.3: of the wrong size, it is its stream's fault alone. */
function parsePriority(header: FrameHeader, payload: Uint8Array): Frame {
  requireStream(header, "PRIORITY");
  const { streamId } = header;
  if (payload.length === PRIORITY_BYTES) return { kind: "priority", streamId };
  return {
    kind: "stream-error",
    streamId,
    errorCode: ErrorCode.frameSizeError,
    message: sizeText("PRIORITY", payload.length, `${PRIORITY_BYTES}`),
  };
}

/** §6.5 */
function parseSettings(header: FrameHeader, payload: Uint8Array): Frame {
  requireConnection(header, "SETTINGS");
  if (header.flags & Flag.ack) {
    requireLength(payload, 0, "SETTINGS with ACK");
    return { kind: "settings-ack" };
  }
  if (payload.length % SETTING_BYTES !== 0) {
    throw sizeError("SETTINGS", payload.length, `a multiple of ${SETTING_BYTES}`);
  }
  const settings: Setting[] = [];
  for (let i = 0; i < payload.length; i += SETTING_BYTES) {
    const setting = { id: uint32At(payload, i) >>> 16, value: uint32At(payload, i + 2) };
    checkSetting(setting);
    settings.push(setting);
  }
  return { kind: "settings", settings };
}

/** §6.5.2 */
function checkSetting({ id, value }: Setting): void {
  if (id === SettingId.enablePush && value > 1) {
    throw protocolError(`SETTINGS_ENABLE_PUSH is ${value}, expected 0 or 1`);
  }
  if (id === SettingId.initialWindowSize && value > WINDOW_MAX) {
    throw new ConnectionError(
      ErrorCode.flowControlError,
      `SETTINGS_INITIAL_WINDOW_SIZE is ${value}, expected at most ${WINDOW_MAX}`,
    );
  }
  const isFrameSize = value >= DEFAULT_FRAME_BYTES && value <= FRAME_BYTES_LIMIT;
  if (id === SettingId.maxFrameSize && !isFrameSize) {
    throw protocolError(
      `SETTINGS_MAX_FRAME_SIZE is ${value}, expected ${DEFAULT_FRAME_BYTES} to ${FRAME_BYTES_LIMIT}`,
    );
  }
}

/** §6.8 */
function parseGoaway(header: FrameHeader, payload: Uint8Array): Frame {
  requireConnection(header, "GOAWAY");
  requireAtLeast(payload, GOAWAY_BYTES_MIN, "GOAWAY");
  const lastStreamId = uint32At(payload, 0) & 0x7fffffff;
  return { kind: "goaway", lastStreamId, errorCode: uint32At(payload, 4) };
}

/** §6.9 */
function parseWindowUpdate({ streamId }: FrameHeader, payload: Uint8Array): Frame {
  requireLength(payload, 4, "WINDOW_UPDATE");
  const increment = uint32At(payload, 0) & 0x7fffffff;
  if (increment > 0) return { kind: "window-update", streamId, increment };
  const message = "WINDOW_UPDATE has the increment 0, expected at least 1";
  if (streamId === 0) throw protocolError(message);
  return { kind: "stream-error", streamId, errorCode: ErrorCode.protocolError, message };
}

/** The payload after its pad length and `skip` bytes more, without the padding (§6.1, §6.2). */
function withoutPadding(
  payload: Uint8Array,
  { skip, name }: { readonly skip: number; readonly name: string },
): Uint8Array {
  requireAtLeast(payload, 1 + skip, name);
  const padding = payload[0] as number; // Of at least one byte, by the line above.
  const end = payload.length - padding;
  if (end < 1 + skip) {
    throw protocolError(`${name} of ${payload.length} bytes has ${padding} bytes of padding`);
  }
  return payload.subarray(1 + skip, end);
}

function requireStream({ streamId }: FrameHeader, name: string): void {
  if (streamId === 0) throw protocolError(`${name} on stream 0, expected a stream's own`);
}

function requireConnection({ streamId }: FrameHeader, name: string): void {
  if (streamId !== 0) throw protocolError(`${name} on stream ${streamId}, expected stream 0`);
}

function requireLength(payload: Uint8Array, length: number, name: string): void {
  if (payload.length !== length) throw sizeError(name, payload.length, `${length}`);
}

function requireAtLeast(payload: Uint8Array, length: number, name: string): void {
  if (payload.length < length) throw sizeError(name, payload.length, `at least ${length}`);
}

function sizeError(name: string, length: number, expected: string): ConnectionError {
  return new ConnectionError(ErrorCode.frameSizeError, sizeText(name, length, expected));
}

function sizeText(name: string, length: number, expected: string): string {
  return `${name} has a payload of ${length} bytes, expected ${expected}`;
}

function protocolError(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.protocolError, message);
}

function uint32At(bytes: Uint8Array, offset: number): number {
  // Callers have checked the length; a missing byte would read as 0.
  const [a = 0, b = 0, c = 0, d = 0] = [
    bytes[offset],
    bytes[offset + 1],
    bytes[offset + 2],
    bytes[offset + 3],
  ];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

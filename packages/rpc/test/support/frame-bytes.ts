/**
 * Frames as bytes, right or wrong: what `FrameWriter` would never write can be said here. Written
 * without the engine's own code, so that an error in it cannot hide here as well.
 */
import { concatBytes } from "@sagong/base";

export const Type = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const END_STREAM = 0x01;
export const ACK = 0x01;
export const END_HEADERS = 0x04;
export const PADDED = 0x08;
export const PRIORITY = 0x20;

export interface FrameFields {
  readonly type: number;
  readonly flags?: number;
  /** Up to 32 bits: the highest is the reserved one. */
  readonly streamId?: number;
  readonly payload?: Uint8Array | readonly number[];
  /** The payload's real length where left out. */
  readonly length?: number;
}

export function frame({
  type,
  flags = 0,
  streamId = 0,
  payload = [],
  length = payload.length,
}: FrameFields): Uint8Array {
  const head = [length >>> 16, length >>> 8, length, type, flags, ...uint32(streamId)];
  return concatBytes([Uint8Array.from(head), Uint8Array.from(payload)]);
}

export function uint32(value: number): number[] {
  return [value >>> 24, value >>> 16, value >>> 8, value].map((byte) => byte & 0xff);
}

export function data(streamId: number, bytes = 4, flags = 0): Uint8Array {
  return frame({ type: Type.data, flags, streamId, payload: new Uint8Array(bytes) });
}

export function headers(
  streamId: number,
  block: Uint8Array | readonly number[],
  flags: number = END_HEADERS,
): Uint8Array {
  return frame({ type: Type.headers, flags, streamId, payload: block });
}

export function continuation(
  streamId: number,
  block: Uint8Array | readonly number[],
  flags: number = END_HEADERS,
): Uint8Array {
  return frame({ type: Type.continuation, flags, streamId, payload: block });
}

export function priority(streamId: number): Uint8Array {
  return frame({ type: Type.priority, streamId, payload: [0, 0, 0, 0, 16] });
}

export function rstStream(streamId: number, code = 8): Uint8Array {
  return frame({ type: Type.rstStream, streamId, payload: uint32(code) });
}

export function settings(...list: readonly (readonly [id: number, value: number])[]): Uint8Array {
  const payload = list.flatMap(([id, value]) => [id >>> 8, id & 0xff, ...uint32(value)]);
  return frame({ type: Type.settings, payload });
}

export const SETTINGS_ACK: Uint8Array = frame({ type: Type.settings, flags: ACK });

export function ping(flags = 0, payload: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8]): Uint8Array {
  return frame({ type: Type.ping, flags, payload });
}

export function goaway(lastStreamId: number, code = 0): Uint8Array {
  return frame({ type: Type.goaway, payload: [...uint32(lastStreamId), ...uint32(code)] });
}

export function windowUpdate(streamId: number, increment: number): Uint8Array {
  return frame({ type: Type.windowUpdate, streamId, payload: uint32(increment) });
}

export function unknown(streamId: number): Uint8Array {
  return frame({ type: 0xfa, flags: 0xff, streamId, payload: [1, 2, 3] });
}

export function pushPromise(streamId: number, promisedId: number): Uint8Array {
  const payload = [...uint32(promisedId), ...REQUEST_BLOCK];
  return frame({ type: Type.pushPromise, flags: END_HEADERS, streamId, payload });
}

/** `:method GET`, `:scheme http`, `:path /`, from the static table. */
export const REQUEST_BLOCK: readonly number[] = [0x82, 0x86, 0x84];
/** `:status 200` */
export const RESPONSE_BLOCK: readonly number[] = [0x88];
/** `a: b`, not indexed. */
export const TRAILER_BLOCK: readonly number[] = [0x00, 0x01, 0x61, 0x01, 0x62];

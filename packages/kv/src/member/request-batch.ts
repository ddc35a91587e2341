/**
 * Writes a `RequestBatch` (proto/sagong/store.proto) around requests that are encoded already: what
 * a client sent goes into the log as it came.
 */
import { Writer } from "@sagong/rpc/message";
import type { InternalRequest } from "../gen/store.js";
import type { Scratch } from "./scratch.js";

/** A request on its way into the log. */
export interface EncodedRequest {
  readonly kind: NonNullable<InternalRequest["request"]>["kind"];
  /** The encoded message of that kind. */
  readonly body: Uint8Array;
}

export interface BatchOrigin {
  readonly memberId: bigint;
  readonly firstSequence: number;
}

/** Field numbers of InternalRequest, as tags of what is length-delimited. */
const REQUEST_TAGS: Readonly<Record<EncodedRequest["kind"], number>> = {
  put: (3 << 3) | 2,
  deleteRange: (4 << 3) | 2,
  txn: (5 << 3) | 2,
  compact: (6 << 3) | 2,
  leaseGrant: (7 << 3) | 2,
  leaseRevoke: (8 << 3) | 2,
  memberAttributes: (9 << 3) | 2,
};
/** Field numbers of RequestBatch. */
const MEMBER_ID_TAG = 1 << 3;
const FIRST_SEQUENCE_TAG = 2 << 3;
const REQUESTS_TAG = (3 << 3) | 2;

/** Of member and sequence; and around a request. */
const HEAD_BYTES_MAX = 22;
const FRAME_BYTES_MAX = 12;

/** The result lies in `scratch` where that has room for it. */
export function encodeBatch(
  { memberId, firstSequence }: BatchOrigin,
  requests: readonly EncodedRequest[],
  scratch?: Scratch,
): Uint8Array {
  let bytesMax = HEAD_BYTES_MAX;
  for (const { body } of requests) bytesMax += body.length + FRAME_BYTES_MAX;
  const writer = new Writer(bytesMax, scratch?.room(bytesMax));
  writer.uint32(MEMBER_ID_TAG);
  writer.uint64Big(memberId);
  writer.uint32(FIRST_SEQUENCE_TAG);
  writer.uint64(firstSequence);
  for (const { kind, body } of requests) {
    writer.uint32(REQUESTS_TAG);
    writer.uint32(1 + varintBytes(body.length) + body.length);
    writer.uint32(REQUEST_TAGS[kind]);
    writer.bytes(body);
  }
  return writer.finish();
}

/** How many bytes an unsigned 32-bit varint takes. */
function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  return value < 0x10000000 ? 4 : 5;
}

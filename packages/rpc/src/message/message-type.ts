/**
 * One protobuf message type as a value: what generated modules export and everything else is
 * generic over.
 */
import type { Reader } from "./reader.js";
import type { Writer } from "./writer.js";

export interface MessageType<T> {
  /** Full protobuf name, as `etcdserverpb.RangeRequest`. */
  readonly name: string;
  /** A message with every field present: those of `fields`, and proto3 defaults for the rest. */
  readonly create: (fields?: Partial<T>) => T;
  readonly encode: (message: T) => Uint8Array;
  /**
   * Throws `MessageDecodeError` naming message and offset where `bytes` are malformed. Fields of
   * type bytes are views into `bytes`: copy what is kept for long.
   */
  readonly decode: (bytes: Uint8Array) => T;
  /** Writes the fields, without a length, into a message around it. */
  readonly write: (message: T, writer: Writer) => void;
  /** Reads fields up to `end`. */
  readonly read: (reader: Reader, end: number) => T;
}

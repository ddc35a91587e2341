/**
 * One protobuf message type as a value: what generated modules export and everything else is
 * generic over. `messageType()` makes one from the two straight-line functions that are generated.
 */
import { Reader } from "./reader.js";
import { Writer } from "./writer.js";

export interface MessageType<T> {
  /** Full protobuf name, as `etcdserverpb.RangeRequest`. */
  readonly name: string;
  /** A message with every field present: those of `fields`, and proto3 defaults for the rest. */
  create(fields?: Partial<T>): T;
  encode(message: T): Uint8Array;
  /**
   * Throws `MessageDecodeError` naming message and offset where `bytes` are malformed. Fields of
   * type bytes are views into `bytes`: copy what is kept for long.
   */
  decode(bytes: Uint8Array): T;
  /** Writes the fields, without a length, into a message around it. */
  write(message: T, writer: Writer): void;
  /** Reads fields up to `end`. */
  read(reader: Reader, end: number): T;
}

/** Bytes that are no message: the peer's fault, never ours. */
export class MessageDecodeError extends Error {
  override readonly name: string = "MessageDecodeError";
}

export function messageType<T>(
  name: string,
  functions: Pick<MessageType<T>, "create" | "write" | "read">,
): MessageType<T> {
  const { create, write, read } = functions;
  return {
    name,
    create,
    write,
    read,
    encode(message: T): Uint8Array {
      const writer = new Writer();
      write(message, writer);
      return writer.finish();
    },
    decode(bytes: Uint8Array): T {
      const reader = new Reader(bytes);
      try {
        return read(reader, bytes.length);
      } catch (error) {
        if (!(error instanceof MessageDecodeError)) throw error;
        throw new MessageDecodeError(
          `Cannot decode ${name}: ${error.message} at offset ${reader.position} of ${bytes.length}`,
          { cause: error },
        );
      }
    },
  };
}

/** Makes a `MessageType` from the straight-line functions that are generated for it. */
import { MessageDecodeError } from "./decode-error.js";
import type { MessageType } from "./message-type.js";
import { Reader } from "./reader.js";
import { Writer } from "./writer.js";

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
      try {
        write(message, writer);
      } catch (error) {
        writer.abandon();
        throw error;
      }
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

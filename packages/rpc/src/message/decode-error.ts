/** Bytes that are no message: the peer's fault, never ours. */
export class MessageDecodeError extends Error {
  override readonly name: string = "MessageDecodeError";
}

/** A header block that cannot be decoded: the connection's compression state is lost with it. */
export class HpackError extends Error {
  override readonly name: string = "HpackError";
}

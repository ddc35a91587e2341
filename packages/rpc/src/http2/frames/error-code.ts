/** HTTP/2's error codes (RFC 9113 §7), and the error that ends a whole connection. */

export const ErrorCode = {
  noError: 0x00,
  protocolError: 0x01,
  internalError: 0x02,
  flowControlError: 0x03,
  settingsTimeout: 0x04,
  streamClosed: 0x05,
  frameSizeError: 0x06,
  refusedStream: 0x07,
  cancel: 0x08,
  compressionError: 0x09,
  connectError: 0x0a,
  enhanceYourCalm: 0x0b,
  inadequateSecurity: 0x0c,
  http11Required: 0x0d,
} as const;

export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** Ends the connection with GOAWAY and `code` (RFC 9113 §5.4.1). */
export class ConnectionError extends Error {
  override readonly name: string = "ConnectionError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

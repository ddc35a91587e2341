/** gRPC status codes and the one error that carries them (grpc.io, "Status codes"). */

export const StatusCode = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

export type StatusCode = (typeof StatusCode)[keyof typeof StatusCode];

/** Ends a call with a status other than ok; `message` is sent to the client as it stands. */
export class RpcError extends Error {
  override readonly name: string = "RpcError";
  readonly code: StatusCode;
  readonly trailers: Metadata;

  constructor(code: StatusCode, message: string, options?: ErrorOptions & { trailers?: Metadata }) {
    super(message, options);
    this.code = code;
    this.trailers = options?.trailers ?? {};
  }
}

/** Call metadata: lower-case names; values of names that end in `-bin` are base64 text. */
export type Metadata = Readonly<Record<string, string>>;

/** One gRPC call byte by byte over `node:http2`, for what no client of gRPC would send. */
import { connect, type IncomingHttpHeaders } from "node:http2";

const TIMEOUT_MS = 10_000;
const FRAME_HEAD_BYTES = 5;

export interface RawCall {
  /** `127.0.0.1:1234`. */
  readonly endpoint: string;
  readonly path: string;
  readonly body: Uint8Array;
}

export interface RawStatus {
  readonly code: number;
  readonly message: string;
}

/** The status that the server ends the call with; rejects where it gives none. */
export function rawGrpcCall({ endpoint, path, body }: RawCall): Promise<RawStatus> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://${endpoint}`);
    const fail = (error: Error): void => {
      session.destroy();
      reject(error);
    };
    session.on("error", fail);
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.setTimeout(TIMEOUT_MS, () => fail(new Error(`no answer from ${path}`)));
    let last: IncomingHttpHeaders = {};
    stream.on("response", (headers) => (last = headers));
    stream.on("trailers", (trailers) => (last = trailers));
    stream.on("error", fail);
    stream.on("close", () => {
      session.close();
      const status = last["grpc-status"];
      if (status === undefined) return fail(new Error(`${path} ended without a status`));
      const message = decodeURIComponent(String(last["grpc-message"] ?? ""));
      resolve({ code: Number(status), message });
    });
    stream.resume();
    stream.end(body);
  });
}

/** A message in gRPC's frame; `length` may lie about it. */
export function grpcFrame(message: Uint8Array, length: number = message.length): Uint8Array {
  const frame = Buffer.alloc(FRAME_HEAD_BYTES + message.length);
  frame.writeUInt32BE(length, 1);
  frame.set(message, FRAME_HEAD_BYTES);
  return frame;
}

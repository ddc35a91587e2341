/** gRPC requests by hand, over Node's HTTP/2: what no proper client would send, too. */
import { once } from "node:events";
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from "node:http2";

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Of the trailer section; undefined where the headers were all ("Trailers-Only"). */
  readonly trailers: Readonly<Record<string, unknown>> | undefined;
  readonly body: Buffer;
}

export const CALL_HEADERS: OutgoingHttpHeaders = {
  ":method": "POST",
  "content-type": "application/grpc",
  te: "trailers",
};

/** A message behind its prefix. */
export function prefixed(message: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

export class GrpcCaller {
  readonly session: ClientHttp2Session;

  constructor(port: number) {
    this.session = connect(`http://127.0.0.1:${port}`);
  }

  /** Headers on top of CALL_HEADERS; one set to undefined is left out. Each part is a DATA frame. */
  async call(headers: OutgoingHttpHeaders, ...parts: readonly Uint8Array[]): Promise<RawAnswer> {
    const all = Object.entries({ ...CALL_HEADERS, ...headers });
    const stream = this.session.request(
      Object.fromEntries(all.filter(([, value]) => value !== undefined)),
    );
    let answer: Readonly<Record<string, unknown>> = {};
    let trailers: Readonly<Record<string, unknown>> | undefined;
    const body: Buffer[] = [];
    stream.on("response", (fields) => (answer = { ...fields }));
    stream.on("trailers", (fields) => (trailers = { ...fields }));
    stream.on("data", (part: Buffer) => body.push(part));
    for (const part of parts) {
      await new Promise<void>((resolve) => void stream.write(part, () => resolve()));
    }
    stream.end();
    await once(stream, "close");
    return {
      status: Number(answer[":status"]),
      headers: answer,
      trailers,
      body: Buffer.concat(body),
    };
  }

  close(): void {
    this.session.destroy();
  }
}

/** Where a call's status stands: in its trailers, or in headers that are all of it. */
export function statusOf({ headers, trailers }: RawAnswer): [code: number, message: string] {
  const { "grpc-status": status, "grpc-message": message } = trailers ?? headers;
  return [Number(status), typeof message === "string" ? decodeURIComponent(message) : ""];
}

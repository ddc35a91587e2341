/** Node's HTTP/2 client (nghttp2) against our server: many streams, some of them left, by seed. */
import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Dice } from "../support/dice.js";
import { type InteropServer, pattern, startInteropServer } from "../support/interop-server.js";

describe.each([
  { name: "plain", tls: false },
  { name: "TLS", tls: true },
])("node:http2, $name", ({ tls }) => {
  let server: InteropServer;
  let session: ClientHttp2Session;
  beforeAll(async () => {
    server = await startInteropServer({ tls });
    const url = `${tls ? "https" : "http"}://localhost:${server.port}`;
    session = connect(url, { rejectUnauthorized: false, lookup: toLoopback });
    await once(session, "connect");
  });
  afterAll(async () => {
    session.destroy();
    await server.close();
  });

  const echo = async (body: Uint8Array): Promise<Buffer> => {
    const stream = session.request({ ":method": "POST", ":path": "/echo" });
    stream.end(body);
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part as Buffer); // No encoding is set.
    return Buffer.concat(parts);
  };

  it("gets each body back, whatever else is on the connection", async () => {
    const dice = new Dice(1);
    const sizes = Array.from({ length: 60 }, () => dice.size(200_000));
    const left = Array.from({ length: 30 }, () => {
      const stream = session.request({ ":path": dice.pick(["/hang", "/bytes/500000"]) });
      stream.on("error", () => {}); // It is left on purpose.
      setTimeout(() => stream.close(8), dice.below(30));
      return once(stream, "close");
    });
    const bodies = await Promise.all(sizes.map((size) => echo(pattern(size))));
    expect(bodies.map(({ length }) => length)).toEqual(sizes);
    expect(bodies.every((body, i) => body.equals(pattern(sizes[i] ?? 0)))).toBe(true);
    await Promise.all(left);
    await vi.waitFor(() => expect(server.hung.left).toBe(server.hung.begun));
  });

  it("may change its settings at any time, and ping", async () => {
    const body = pattern(300_000);
    const echoing = Array.from({ length: 5 }, () => echo(body));
    for (const initialWindowSize of [1_000, 1_000_000, 0, 70_000]) {
      await new Promise<void>((resolve) =>
        session.settings({ initialWindowSize }, () => resolve()),
      );
      await new Promise((resolve) => session.ping(resolve));
    }
    for (const back of await Promise.all(echoing)) expect(back.equals(body)).toBe(true);
  });
});

/** The server listens there alone, whatever the system makes of its name. */
function toLoopback(
  _name: string,
  options: { readonly all?: boolean | undefined },
  callback: (
    error: null,
    address: string | { address: string; family: number }[],
    family?: number,
  ) => void,
): void {
  if (options.all === true) callback(null, [{ address: "127.0.0.1", family: 4 }]);
  else callback(null, "127.0.0.1", 4);
}

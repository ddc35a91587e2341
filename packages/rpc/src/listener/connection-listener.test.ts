import { once } from "node:events";
import { request as httpsRequest } from "node:https";
import type { IncomingMessage } from "node:http";
import { connect as connectTcp } from "node:net";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import type { Channel } from "../channel.js";
import { createChannel } from "../create-channel.js";
import { createServer } from "../create-server.js";
import { HealthCheckRequest, HealthService } from "../gen/health.js";
import { implement, type PeerIdentity } from "../handler.js";
import { CLIENT_PREFACE } from "../http2/frames/frame.js";
import type { RpcServer, RpcServerOptions } from "../server.js";
import { testCertificate } from "../testing/test-certificates.js";
import { TRANSPORTS } from "../transport.js";

/** Each is its own authority. */
const OURS = testCertificate("localhost");
const STRANGER = testCertificate("elsewhere");
const SERVER_TLS = { key: OURS.key, cert: OURS.cert };
/** Preface, and SETTINGS without any. */
const HELLO = Buffer.concat([Buffer.from(CLIENT_PREFACE), Buffer.of(0, 0, 0, 4, 0, 0, 0, 0, 0)]);
/** The type of a frame stands in its fourth byte; a server's first one is SETTINGS. */
const SETTINGS_TYPE = 4;

const open: { readonly servers: RpcServer[]; readonly channels: Channel[] } = {
  servers: [],
  channels: [],
};
afterEach(async () => {
  await Promise.all(open.channels.splice(0).map((channel) => channel.close()));
  await Promise.all(open.servers.splice(0).map((server) => server.close(0)));
});

interface Serving {
  readonly port: number;
  /** Of the last call. */
  readonly identity: () => PeerIdentity | undefined;
}

describe.each(TRANSPORTS)("createServer() over %s", (transport) => {
  const serve = async (tls?: RpcServerOptions["tls"]): Promise<Serving> => {
    let identity: PeerIdentity | undefined;
    const service = implement(HealthService, {
      check: (_request, call) => {
        identity = call.peerIdentity;
        return { status: 1 };
      },
    });
    const server = createServer({
      transport,
      services: [service],
      http1: (_request, response) => response.end("plain"),
      ...(tls ? { tls } : {}),
    });
    open.servers.push(server);
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    return { port, identity: () => identity };
  };
  const check = async (
    port: number,
    tls: { cert?: string; key?: string } = {},
  ): Promise<number> => {
    const endpoint = `https://127.0.0.1:${port}`;
    const channel = createChannel({ endpoint, tls: { ca: OURS.cert, ...tls } });
    open.channels.push(channel);
    const call = channel.unary(HealthService.methods.check, HealthCheckRequest.create(), {
      timeoutMs: 2_000,
    });
    return (await call).status;
  };

  it("speaks HTTP/2 where ALPN says h2, before the client has said anything", async () => {
    const { port } = await serve(SERVER_TLS);
    const socket = await secure(port, { ALPNProtocols: ["h2", "http/1.1"] });
    expect(socket.alpnProtocol).toBe("h2");
    if (transport === "grpc-js") socket.write(HELLO);
    expect((await bytesOf(socket, 4))[3]).toBe(SETTINGS_TYPE);
    socket.destroy();
  });

  it("speaks HTTP/1.1 where ALPN says so, and tells by the bytes where there is none", async () => {
    const { port } = await serve(SERVER_TLS);
    for (const ALPNProtocols of [["http/1.1"], undefined]) {
      const socket = await secure(port, ALPNProtocols ? { ALPNProtocols } : {});
      expect(socket.alpnProtocol).toBe(ALPNProtocols?.[0] ?? false);
      socket.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      expect(String(await bytesOf(socket, 12))).toMatch(/^HTTP\/1\.1 200/);
      socket.destroy();
    }
    if (transport === "grpc-js") return; // Node's HTTP/2 over TLS insists on ALPN.
    const socket = await secure(port);
    socket.write(HELLO.subarray(0, 5));
    await new Promise((resolve) => setImmediate(resolve));
    socket.write(HELLO.subarray(5));
    expect((await bytesOf(socket, 4))[3]).toBe(SETTINGS_TYPE);
    socket.destroy();
  });

  it("refuses a client that speaks neither, in its handshake", async () => {
    const { port } = await serve(SERVER_TLS);
    await expect(secure(port, { ALPNProtocols: ["spdy/3"] })).rejects.toThrow(/./);
  });

  it("lets nobody in without a certificate where one is required, nor with a stranger's", async () => {
    const { port, identity } = await serve({ ...SERVER_TLS, clientCa: OURS.cert });
    await expect(check(port)).rejects.toMatchObject({ name: "RpcError" });
    await expect(check(port, STRANGER)).rejects.toMatchObject({ name: "RpcError" });
    expect(identity()).toBeUndefined();
    expect(await check(port, OURS)).toBe(1);
    expect(identity()).toMatchObject({ commonName: "localhost" });
  });

  it("lets everybody in where it is optional, and believes only what its CA has signed", async () => {
    const tls = { ...SERVER_TLS, clientCa: OURS.cert, clientCertificate: "optional" as const };
    const { port, identity } = await serve(tls);
    expect(await check(port)).toBe(1);
    expect(identity()).toBeUndefined();
    expect(await check(port, STRANGER)).toBe(1);
    expect(identity()).toBeUndefined();
    expect(await check(port, OURS)).toBe(1);
    expect(identity()).toEqual({ commonName: "localhost", organizations: ["Sagong tests"] });
  });

  it("close() does not wait for those that never shake hands or say what they speak", async () => {
    const secured = await serve(SERVER_TLS);
    const plain = await serve();
    const sockets = [secured.port, plain.port].map((port) =>
      connectTcp({ host: "127.0.0.1", port }),
    );
    const over = sockets.map(async (socket) => {
      socket.on("error", () => {});
      socket.resume();
      await once(socket, "connect");
      const closed = once(socket, "close");
      return () => closed;
    });
    const closed = await Promise.all(over);
    await Promise.all(open.servers.splice(0).map((server) => server.close(10)));
    await Promise.all(closed.map((wait) => wait()));
  });

  it("close() lets an HTTP/1.1 answer end, and then its connection", async () => {
    let finish: () => void = () => {};
    const begun = new Promise<void>((resolve) => {
      const server = createServer({
        transport,
        services: [],
        tls: SERVER_TLS,
        http1: (_request, response) => {
          finish = () => response.end("late");
          resolve();
        },
      });
      open.servers.push(server);
    });
    const [server] = open.servers;
    const bound = await server?.listen({ host: "127.0.0.1", port: 0 });
    const request = httpsRequest({ host: "127.0.0.1", port: bound?.port, ca: OURS.cert }).end();
    await begun;
    const closed = server?.close(20_000);
    finish();
    const [response] = (await once(request, "response")) as [IncomingMessage]; // node:http's event.
    let text = "";
    for await (const chunk of response) text += String(chunk);
    expect(text).toBe("late");
    await closed;
  });
});

async function secure(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ host: "127.0.0.1", port, ca: OURS.cert, ...options });
  await once(socket, "secureConnect");
  return socket;
}

async function bytesOf(socket: TLSSocket, atLeast: number): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  while (bytes.length < atLeast) {
    const [chunk] = (await once(socket, "data")) as [Buffer]; // A socket's event.
    bytes = Buffer.concat([bytes, chunk]);
  }
  return bytes;
}

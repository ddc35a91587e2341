/** HTTP on node:http and node:http2: the reference beside our own HTTP/2. */
import { createServer as createNodeHttp2Server, type ServerHttp2Session } from "node:http2";
import { realClock } from "@sagong/base/real";
import { ConnectionListener } from "../listener/connection-listener.js";
import type { ListenAddress, RpcServer } from "../server.js";
import type { HttpServerOptions } from "./http-server-options.js";
import { adaptHttpHandler } from "./node-exchange.js";

const DEFAULT_GRACE_MS = 5_000;

export function createNodeHttp2ServerOf({ handler, tls }: HttpServerOptions): RpcServer {
  const clock = realClock();
  const adapted = adaptHttpHandler(handler, { clock });
  const sessions = new Set<ServerHttp2Session>();
  const http2 = createNodeHttp2Server(adapted);
  http2.on("sessionError", () => {}); // A broken connection is the client's affair.
  http2.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  const listener = new ConnectionListener(
    {
      tls,
      http1: adapted,
      http2: ({ socket, first }) => {
        if (first.length > 0) socket.unshift(first);
        http2.emit("connection", socket);
      },
    },
    { clock },
  );
  return {
    listen: (address: ListenAddress) => listener.listen(address),
    close: async (graceMs: number = DEFAULT_GRACE_MS) => {
      for (const session of sessions) session.close();
      await listener.close(graceMs);
    },
  };
}

/** A server of no particular maker that answers by path: for what our own server does not do. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { RestConnection } from "@sagong/orchestrator/client";
import { ApiCalls } from "../src/objects/session/api-calls.js";

export interface Answer {
  readonly code?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Texts as they are, anything else as JSON. */
  readonly body: unknown;
}

export interface AnsweringServer {
  readonly calls: ApiCalls;
  readonly warnings: readonly string[];
  /** Paths with their queries, decoded. */
  readonly asked: readonly string[];
  close(): void;
}

/** Where `answer` has none it is 404. */
export async function answeringServer(
  answer: (path: string) => Answer | undefined,
): Promise<AnsweringServer> {
  const warnings: string[] = [];
  const asked: string[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const path = decodeURIComponent(request.url ?? "");
    asked.push(path);
    const { code = 200, headers = {}, body } = answer(path) ?? { code: 404, body: "no such page" };
    response.writeHead(code, headers);
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("no port was given");
  const connection = new RestConnection({
    server: `http://127.0.0.1:${address.port}`,
    objectServer: undefined,
    namespace: "default",
    caData: undefined,
    skipTlsVerify: false,
    certData: undefined,
    keyData: undefined,
    token: undefined,
  });
  const calls = new ApiCalls(connection, {
    onWarning: (text) => warnings.push(text),
    signal: new AbortController().signal,
  });
  return {
    calls,
    warnings,
    asked,
    close: () => {
      connection.close();
      server.close();
    },
  };
}

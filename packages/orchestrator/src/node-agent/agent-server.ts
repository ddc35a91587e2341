/**
 * The agent's HTTPS server, with the kubelet's paths: the API server fetches logs from it. Clients
 * must show a certificate of the cluster's CA.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type Clock, errorText, type Logger } from "@sagong/base";
import { parseLogQuery } from "./log-query.js";
import { readLog } from "./log-reader.js";

export interface AgentServerOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** One container's log file: of its present attempt, or of the one before. */
export interface ContainerLog {
  readonly path: string;
  isRunning(): Promise<boolean>;
}

export interface AgentServerDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Undefined with a sentence where there is none. */
  readonly findLog: (request: {
    readonly namespace: string;
    readonly pod: string;
    readonly container: string;
    readonly previous: boolean;
  }) => Promise<ContainerLog | { readonly error: string }>;
}

export class AgentServer {
  readonly #server: Server;
  readonly #dependencies: AgentServerDependencies;

  private constructor(server: Server, dependencies: AgentServerDependencies) {
    this.#server = server;
    this.#dependencies = dependencies;
  }

  static async listen(
    options: AgentServerOptions,
    dependencies: AgentServerDependencies,
  ): Promise<AgentServer> {
    const server = createServer({ ...options.tls, requestCert: true, rejectUnauthorized: true });
    const self = new AgentServer(server, dependencies);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      self.#handle(request, response).catch((error: unknown) => {
        dependencies.logger.warn("agent request failed", { error: errorText(error) });
        response.destroy();
      });
    });
    server.listen(options.port, options.host);
    await once(server, "listening");
    return self;
  }

  get port(): number {
    // A listening TCP server's address is never a string or null.
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "https://agent");
    const [, verb, namespace, pod, container] = url.pathname.split("/").map(decodeURIComponent);
    if (verb === "healthz") return answer(response, 200, "ok");
    if (request.method !== "GET" || verb !== "containerLogs" || !namespace || !pod || !container) {
      return answer(
        response,
        404,
        `404 page not found: this agent serves /containerLogs/NAMESPACE/POD/CONTAINER and /healthz`,
      );
    }
    const query = parseLogQuery(url.searchParams, this.#dependencies.clock.wallMs());
    if ("error" in query) return answer(response, 400, query.error);
    const log = await this.#dependencies.findLog({
      namespace,
      pod,
      container,
      previous: query.previous,
    });
    if ("error" in log) return answer(response, 400, log.error);
    const abort = new AbortController();
    response.once("close", () => abort.abort(new Error("client gone")));
    response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
    response.flushHeaders();
    const source = {
      ...log,
      isRunning: () => log.isRunning(),
      clock: this.#dependencies.clock,
      signal: abort.signal,
    };
    for await (const text of readLog(source, query)) {
      if (abort.signal.aborted) return;
      if (!response.write(text)) {
        await Promise.race([once(response, "drain"), once(response, "close")]);
      }
    }
    response.end();
  }
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(text);
}

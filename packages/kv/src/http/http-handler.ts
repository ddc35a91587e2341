/**
 * HTTP/1.1 on the client port: health, version and metrics, with etcd's paths, statuses and
 * headers. The JSON gateway under `/v3` is not there yet and says so. Owns no state but its
 * counters; every answer comes from `HttpSource` and the metrics registry.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { errorText, type Logger } from "@sagong/base";
import {
  checkHealth,
  type HealthSource,
  type Probe,
  probeCheckNames,
  runProbe,
} from "./health-checks.js";
import type { MetricsRegistry } from "./metrics.js";

export interface HttpSource extends HealthSource {
  version(): {
    readonly etcdserver: string;
    readonly etcdcluster: string;
    readonly storage: string;
  };
}

export interface HttpHandlerOptions {
  readonly source: HttpSource;
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
  /** A metrics listener answers nothing else (etcd's --listen-metrics-urls). */
  readonly scope: "client" | "metrics";
}

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void;

export function createHttpHandler(options: HttpHandlerOptions): HttpHandler {
  const routes = new Routes(options);
  return (request, response) => {
    routes.answer(request).then(
      (answer) => send(request, response, answer),
      (error: unknown) => {
        options.logger.error("HTTP request failed", { error: errorText(error) });
        send(request, response, plain(500, "Internal Server Error\n"));
      },
    );
  };
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const TEXT = "text/plain; charset=utf-8";
const NO_SNIFF = { "X-Content-Type-Options": "nosniff" };
/** etcd's gateway allows any origin; browsers ask before they send. */
const CORS_HEADERS = {
  "Access-Control-Allow-Headers": "accept, content-type, authorization",
  "Access-Control-Allow-Methods": "POST, GET, OPTIONS, PUT, DELETE",
  "Access-Control-Allow-Origin": "*",
};

class Routes {
  readonly #options: HttpHandlerOptions;

  constructor(options: HttpHandlerOptions) {
    this.#options = options;
  }

  async answer(request: IncomingMessage): Promise<Answer> {
    const url = parseUrl(request.url ?? "/");
    if (!url) return plain(400, "400 Bad Request\n");
    const [, first = "", check] = url.pathname.split("/");
    if (this.#options.scope === "client") {
      if (request.method === "OPTIONS") return { status: 200, contentType: TEXT, body: "" };
      if (first === "v3" || first === "v3beta") return gatewayAnswer();
      if (url.pathname === "/version") return onlyGet(request) ?? this.#version();
    }
    if (url.pathname === "/health") return onlyGet(request) ?? this.#health(url);
    if (url.pathname === "/metrics") return onlyGet(request) ?? this.#metrics();
    if (first === "livez" || first === "readyz") {
      const known = check === undefined || probeCheckNames(first).includes(check);
      if (known && url.pathname.split("/").length <= 3) {
        return onlyGet(request) ?? this.#probe(first, url, check);
      }
    }
    return plain(404, "404 page not found\n");
  }

  #version(): Answer {
    return {
      status: 200,
      contentType: "application/json",
      body: JSON.stringify(this.#options.source.version()),
    };
  }

  async #health(url: URL): Promise<Answer> {
    const health = await checkHealth(this.#options.source, {
      excluded: new Set(url.searchParams.getAll("exclude").filter((name) => name !== "")),
      serializable: url.searchParams.get("serializable") === "true",
    });
    const { metrics } = this.#options;
    const body = JSON.stringify({ health: String(health.healthy), reason: health.reason });
    if (health.healthy) {
      metrics
        .counter({
          name: "etcd_server_health_success",
          help: "The total number of successful health checks",
        })
        .increment();
      return { status: 200, contentType: TEXT, body };
    }
    metrics
      .counter({
        name: "etcd_server_health_failures",
        help: "The total number of failed health checks",
      })
      .increment();
    this.#options.logger.warn("health check failed", { path: "/health", reason: health.reason });
    return plain(503, `${body}\n`);
  }

  async #probe(probe: Probe, url: URL, check: string | undefined): Promise<Answer> {
    const excluded = check === undefined ? url.searchParams.getAll("exclude") : [];
    const names = new Set(check === undefined ? probeCheckNames(probe) : [check]);
    for (const name of excluded) names.delete(name);
    const result = await runProbe(probe, this.#options.source, names);
    for (const { name, ok } of result.outcomes) this.#recordCheck(probe, name, ok);
    if (!result.healthy) {
      this.#options.logger.warn("health check failed", { path: `/${probe}`, reason: result.lines });
      return plain(503, `${result.lines}\n`);
    }
    const verbose = url.searchParams.has("verbose") ? result.lines : "";
    return plain(200, `${verbose}ok\n`);
  }

  #recordCheck(type: Probe, name: string, ok: boolean): void {
    const { metrics } = this.#options;
    const status = ok ? "success" : "error";
    metrics
      .gauge(
        { name: "etcd_server_healthcheck", help: "The result of each kind of healthcheck." },
        { type, name },
      )
      .set(ok ? 1 : 0);
    metrics
      .counter(
        {
          name: "etcd_server_healthchecks_total",
          help: "The total number of each kind of healthcheck.",
        },
        { type, name, status },
      )
      .increment();
  }

  #metrics(): Answer {
    return {
      status: 200,
      contentType: "text/plain; version=0.0.4; charset=utf-8",
      body: this.#options.metrics.render(),
    };
  }
}

function gatewayAnswer(): Answer {
  const message = "the JSON gateway is not supported yet: use gRPC on this same port";
  const body = JSON.stringify({ code: 12, message, details: [] });
  return { status: 501, contentType: "application/json", body };
}

function onlyGet(request: IncomingMessage): Answer | undefined {
  if (request.method === "GET" || request.method === "HEAD") return undefined;
  return { ...plain(405, "Method Not Allowed\n"), headers: { ...NO_SNIFF, Allow: "GET" } };
}

function plain(status: number, body: string): Answer {
  return { status, contentType: TEXT, body, headers: NO_SNIFF };
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text, "http://store");
  } catch {
    return undefined; // A request line that is no URL; the caller answers 400.
  }
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, {
    ...CORS_HEADERS,
    ...answer.headers,
    "Content-Type": answer.contentType,
    "Content-Length": body.length,
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

/**
 * The HTTPS server: every request through one pipeline, in this order.
 *
 *   what is asked ▶ count in flight ▶ who ▶ may they ▶ documents (discovery, OpenAPI, metrics)
 *                                                    ▶ resource: read body ▶ registry ▶ answer
 *
 * Every refusal is a Status, and every request that is no watch and no log ends within the request
 * timeout. HTTP/1.1 and HTTP/2 on one port.
 */
import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { errorText } from "@sagong/base";
import {
  createHttpServer,
  type HttpRequest,
  type HttpResponse,
  type RpcServer,
  type Transport,
} from "@sagong/rpc";
import { stringify } from "yaml";
import { ApiError, isApiError, methodNotAllowed, notServed } from "../api/api-status.js";
import type { KeyPair } from "../pki/pki.js";
import { authenticate, authorize } from "./authorize.js";
import { Documents } from "./documents.js";
import { healthOf } from "./health.js";
import { type ApiServerDependencies, sendText } from "./http-exchange.js";
import { DEFAULT_LIMITS, InFlight, type InFlightLimits } from "./in-flight.js";
import { negotiate } from "./media-types.js";
import { processFamilies } from "./metrics/process-metrics.js";
import { PROMETHEUS_TEXT, prometheusText } from "./metrics/prometheus-text.js";
import { RequestMetrics } from "./metrics/request-metrics.js";
import { type Asked, askedOf, metricsOf } from "./asked.js";
import { REQUEST_TIMEOUT_MS, requestTimeoutMs, withDeadline } from "./request-deadline.js";
import { handleResource } from "./resource-handler.js";

export interface ApiServerListenOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: KeyPair & { readonly ca: string };
  readonly version: string;
  /** What carries HTTP/2; `DEFAULT_TRANSPORT` where left out. */
  readonly transport?: Transport | undefined;
  /** kube-apiserver's defaults where left out. */
  readonly limits?: InFlightLimits | undefined;
  readonly requestTimeoutMs?: number | undefined;
}

/** Requests that are told to end have so long to say so to their clients. */
const CLOSE_GRACE_MS = 500;
/** Longer ones of clients are cut. */
const MAX_AUDIT_ID_CHARACTERS = 1_024;

export class ApiServer {
  readonly #server: RpcServer;
  readonly #options: ApiServerListenOptions;
  readonly #dependencies: ApiServerDependencies;
  readonly #documents: Documents;
  readonly #inFlight: InFlight;
  readonly #metrics = new RequestMetrics();
  readonly #closing = new AbortController();

  private constructor(
    server: RpcServer,
    options: ApiServerListenOptions,
    dependencies: ApiServerDependencies,
  ) {
    this.#server = server;
    this.#options = options;
    this.#dependencies = dependencies;
    // One listener a request: as many as there are, and each goes with its request.
    setMaxListeners(0, this.#closing.signal);
    this.#inFlight = new InFlight(options.limits ?? DEFAULT_LIMITS);
    this.#documents = new Documents({
      resources: dependencies.registry.resources,
      schema: dependencies.schema,
      address: `${options.host}:${options.port}`,
    });
  }

  static async listen(
    options: ApiServerListenOptions,
    dependencies: ApiServerDependencies,
  ): Promise<ApiServer> {
    const { host, port, tls, transport } = options;
    // Set in the turn in which the server begins to listen, before it takes a connection.
    let self: ApiServer | undefined;
    const server = createHttpServer({
      transport,
      handler: (request, response) => {
        if (self !== undefined) void self.#handle(request, response);
      },
      // Without a certificate one may still ask for health: who is who is decided for each request.
      tls: { key: tls.key, cert: tls.cert, clientCa: tls.ca, clientCertificate: "optional" },
    });
    const bound = await server.listen({ host, port });
    self = new ApiServer(server, { ...options, port: bound.port }, dependencies);
    return self;
  }

  get port(): number {
    return this.#options.port;
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the server is shutting down"));
    await this.#server.close(CLOSE_GRACE_MS);
  }

  /** Never rejects: what fails becomes a Status. */
  async #handle(request: HttpRequest, response: HttpResponse): Promise<void> {
    const { clock, registry } = this.#dependencies;
    const startMs = clock.monotonicMs();
    const abort = new AbortController();
    const stop = (): void => abort.abort(new Error("the request is over"));
    request.signal.addEventListener("abort", stop);
    if (this.#closing.signal.aborted) stop();
    this.#closing.signal.addEventListener("abort", stop);
    let asked: Asked | undefined;
    let leave: (() => void) | undefined;
    try {
      const auditId = request.headers["audit-id"] ?? randomUUID();
      response.setHeader("audit-id", auditId.slice(0, MAX_AUDIT_ID_CHARACTERS));
      response.setHeader("cache-control", "no-cache, private");
      asked = askedOf(request, registry);
      leave = this.#inFlight.enter(asked.kind);
      const route = this.#route({ request, response, asked, signal: abort.signal });
      if (asked.kind === "long") await route;
      else {
        const maxMs = this.#options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
        await withDeadline(route, { clock, abort, timeoutMs: requestTimeoutMs(asked.url, maxMs) });
      }
    } catch (error) {
      this.#fail(request, response, error);
    } finally {
      leave?.();
      this.#closing.signal.removeEventListener("abort", stop);
      const seconds = asked?.kind === "long" ? undefined : (clock.monotonicMs() - startMs) / 1_000;
      this.#metrics.record({ ...metricsOf(request, asked), code: response.statusCode, seconds });
    }
  }

  #fail(request: HttpRequest, response: HttpResponse, error: unknown): void {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const known = isApiError(error)
      ? error
      : new ApiError("InternalError", `Internal error occurred: ${errorText(error)}`);
    if (!isApiError(error)) {
      this.#dependencies.logger.error("request failed unexpectedly", {
        path: request.url,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
    const retry = known.details?.retryAfterSeconds;
    if (retry !== undefined) response.setHeader("retry-after", String(retry));
    response.setHeader("content-type", "application/json");
    sendText(response, { code: known.code, body: JSON.stringify(known.toStatus()) });
  }

  async #route(exchange: {
    readonly request: HttpRequest;
    readonly response: HttpResponse;
    readonly asked: Asked;
    readonly signal: AbortSignal;
  }): Promise<void> {
    const { request, response, asked, signal } = exchange;
    const { url, info, verb } = asked;
    if (await this.#openToAll(request, response, asked)) return;
    const user = authenticate(request);
    const isResource = info !== undefined && verb !== undefined;
    authorize(user, request, { path: url.path, resource: isResource ? { info, verb } : undefined });
    if (this.#document(request, response, asked)) return;
    if (!info) throw notServed();
    if (!asked.resource) throw notServed();
    if (!verb) throw methodNotAllowed();
    const { resource } = asked;
    const server = this.#dependencies;
    await handleResource({ request, response, url, info, user, signal, resource, server }, verb);
  }

  /** Health and version: load balancers and clients ask for them before they have a certificate. */
  async #openToAll(request: HttpRequest, response: HttpResponse, { url }: Asked): Promise<boolean> {
    if (url.path === "/version" || url.path === "/version/") {
      onlyReads(request);
      this.#sendJson(request, response, JSON.stringify(this.#version()));
      return true;
    }
    const health = await healthOf({
      path: url.path,
      verbose: url.searchParams.has("verbose"),
      isStoreReady: this.#dependencies.isStoreReady,
    });
    if (!health) return false;
    onlyReads(request);
    response.setHeader("content-type", "text/plain; charset=utf-8");
    sendText(response, health);
    return true;
  }

  /** True where the path was a document's. */
  #document(request: HttpRequest, response: HttpResponse, { url }: Asked): boolean {
    if (url.path === "/metrics") {
      onlyReads(request);
      response.setHeader("content-type", PROMETHEUS_TEXT);
      sendText(response, { code: 200, body: this.#metricsText(), request });
      return true;
    }
    const accept = request.headers["accept"];
    const wanted = { accept: accept ?? "", form: negotiate(accept) };
    const document = this.#documents.find(url.path, wanted);
    if (!document) return false;
    onlyReads(request);
    const etag = `"${document.etag}"`;
    response.setHeader("etag", etag);
    if (document.vary) response.setHeader("vary", document.vary);
    // Asked for by its hash, it never changes.
    if (url.searchParams.get("hash") === document.etag)
      response.setHeader("cache-control", "public, immutable");
    if (request.headers["if-none-match"] === etag) {
      response.statusCode = 304;
      response.end();
      return true;
    }
    response.setHeader("content-type", document.contentType);
    if (typeof document.body === "string") this.#sendJson(request, response, document.body);
    else sendText(response, { code: 200, body: document.body, request });
    return true;
  }

  #metricsText(): string {
    const inFlight = (["readOnly", "mutating"] as const).map((kind) => ({
      labels: { request_kind: kind },
      value: this.#inFlight.count(kind),
    }));
    return prometheusText([
      ...this.#metrics.families(),
      {
        name: "apiserver_current_inflight_requests",
        help: "Number of currently used inflight request limit of this apiserver per request kind.",
        kind: "gauge",
        samples: inFlight,
      },
      {
        name: "apiserver_longrunning_requests",
        help: "Gauge of all active long-running apiserver requests: watches and logs.",
        kind: "gauge",
        samples: [{ labels: {}, value: this.#inFlight.count("long") }],
      },
      ...processFamilies(this.#dependencies.clock),
    ]);
  }

  #version(): unknown {
    return {
      major: "1",
      minor: "35",
      gitVersion: `v1.35.0+sagong.${this.#options.version}`,
      gitCommit: "",
      gitTreeState: "clean",
      buildDate: "1970-01-01T00:00:00Z",
      goVersion: `node ${process.version}`,
      compiler: "tsc",
      platform: `${process.platform}/${process.arch}`,
    };
  }

  #sendJson(request: HttpRequest, response: HttpResponse, text: string): void {
    const isYaml = negotiate(request.headers["accept"])?.media === "yaml";
    if (isYaml) response.setHeader("content-type", "application/yaml");
    const body = isYaml ? stringify(JSON.parse(text)) : text;
    sendText(response, { code: 200, body, request });
  }
}

function onlyReads({ method }: HttpRequest): void {
  if (method !== "GET" && method !== "HEAD") throw methodNotAllowed();
}

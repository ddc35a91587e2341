/**
 * The HTTPS server: every request through one pipeline, in this order.
 *
 *   count in flight ▶ who ▶ may they ▶ documents (health, discovery, OpenAPI)
 *                                    ▶ resource: read body ▶ registry ▶ form of the answer
 *
 * Every refusal is a Status. HTTP/1.1 and HTTP/2 on one port.
 */
import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { errorText } from "@sagong/base";
import { stringify } from "yaml";
import { ApiError, isApiError } from "../api/api-status.js";
import {
  aggregated,
  group,
  groupList,
  legacyVersions,
  resourceList,
} from "../api/discovery/discovery.js";
import { groupVersionPath, openApiV3 } from "../api/openapi/openapi-v3.js";
import { mayDoEverything, type User, userOf } from "../authentication/client-certificate.js";
import type { KeyPair } from "../pki/pki.js";
import { negotiate } from "./media-types.js";
import { parseRequestPath } from "./request-info.js";
import { ResourceHandler } from "./resource-handler.js";
import {
  type ApiServerDependencies,
  type Request,
  type Response,
  sendText,
} from "./http-exchange.js";

export interface ApiServerListenOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: KeyPair & { readonly ca: string };
  readonly version: string;
}

/** kube-apiserver's defaults. */
const MAX_READS_IN_FLIGHT = 400;
const MAX_WRITES_IN_FLIGHT = 200;

export class ApiServer {
  readonly #server: Http2SecureServer;
  readonly #options: ApiServerListenOptions;
  readonly #dependencies: ApiServerDependencies;
  readonly #resources: ResourceHandler;
  readonly #openApi = new Map<string, { readonly text: string; readonly hash: string }>();
  readonly #sessions = new Set<{ destroy(): void }>();
  #reads = 0;
  #writes = 0;

  private constructor(
    server: Http2SecureServer,
    options: ApiServerListenOptions,
    dependencies: ApiServerDependencies,
  ) {
    this.#server = server;
    this.#options = options;
    this.#dependencies = dependencies;
    this.#resources = new ResourceHandler(dependencies);
  }

  static async listen(
    options: ApiServerListenOptions,
    dependencies: ApiServerDependencies,
  ): Promise<ApiServer> {
    const { tls } = options;
    const server = createSecureServer({
      key: tls.key,
      cert: tls.cert,
      ca: tls.ca,
      allowHTTP1: true,
      requestCert: true,
      // Strangers may ask for health and version: who they are is decided per request.
      rejectUnauthorized: false,
    });
    const self = new ApiServer(server, options, dependencies);
    server.on("request", (request, response) => void self.#handle(request, response));
    server.on("sessionError", () => {}); // A broken connection is the client's affair.
    server.on("secureConnection", (socket: TLSSocket) => {
      self.#sessions.add(socket);
      socket.once("close", () => self.#sessions.delete(socket));
      socket.on("error", () => {}); // As above.
    });
    server.listen(options.port, options.host);
    await once(server, "listening");
    return self;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // A listening TCP server's.
  }

  async close(): Promise<void> {
    this.#resources.close();
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const session of this.#sessions) session.destroy();
    await closed;
  }

  /** Never rejects: what fails becomes a Status. */
  async #handle(request: Request, response: Response): Promise<void> {
    const auditId = String(request.headers["audit-id"] ?? randomUUID());
    response.setHeader("audit-id", auditId);
    response.setHeader("cache-control", "no-cache, private");
    const url = new URL(request.url ?? "/", "https://apiserver");
    const isWrite = request.method !== "GET" && request.method !== "HEAD";
    const isLong =
      url.searchParams.get("watch") === "true" ||
      url.searchParams.get("watch") === "1" ||
      url.searchParams.get("follow") === "true";
    try {
      if (!isLong) this.#enter(isWrite);
      try {
        await this.#route(request, response, url);
      } finally {
        if (!isLong) this.#leave(isWrite);
      }
    } catch (error) {
      this.#fail(response, error, url);
    }
  }

  #enter(isWrite: boolean): void {
    const full = isWrite
      ? this.#writes >= MAX_WRITES_IN_FLIGHT
      : this.#reads >= MAX_READS_IN_FLIGHT;
    if (isWrite) this.#writes++;
    else this.#reads++;
    if (!full) return;
    throw new ApiError("TooManyRequests", "Too many requests, please try again later.", {
      retryAfterSeconds: 1,
    });
  }

  #leave(isWrite: boolean): void {
    if (isWrite) this.#writes--;
    else this.#reads--;
  }

  #fail(response: Response, error: unknown, url: URL): void {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const known = isApiError(error)
      ? error
      : new ApiError("InternalError", `Internal error occurred: ${errorText(error)}`);
    if (!isApiError(error)) {
      this.#dependencies.logger.error("request failed unexpectedly", {
        path: url.pathname,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
    const retry = known.details?.retryAfterSeconds;
    if (retry !== undefined) response.setHeader("retry-after", String(retry));
    this.#send(response, { code: known.code, body: JSON.stringify(known.toStatus()) });
  }

  async #route(request: Request, response: Response, url: URL): Promise<void> {
    const path = url.pathname;
    if (/^\/(healthz|livez|readyz)(\/|$)/.test(path)) return this.#health(response, url);
    if (path === "/version" || path === "/version/")
      return this.#json(request, response, this.#version());
    const user = this.#authenticate(request);
    if (!mayDoEverything(user)) {
      throw new ApiError(
        "Forbidden",
        `forbidden: User "${user.name}" cannot ${(request.method ?? "get").toLowerCase()} path "${path}"`,
      );
    }
    const document = this.#document(request, response, path);
    if (document) return;
    const info = parseRequestPath(path);
    if (!info) throw new ApiError("NotFound", "the server could not find the requested resource");
    await this.#resources.handle({ request, response, url, info, user });
  }

  #authenticate(request: Request): User {
    const socket =
      "stream" in request
        ? (request.stream.session?.socket as TLSSocket | undefined)
        : (request.socket as TLSSocket); // The server speaks TLS only.
    const user = socket && userOf(socket);
    if (user) return user;
    throw new ApiError("Unauthorized", "Unauthorized");
  }

  /** True where the path was a document's. */
  #document(request: Request, response: Response, path: string): boolean {
    const { resources } = this.#dependencies.registry;
    const clean = path.replace(/\/$/, "");
    const form = negotiate(request.headers.accept);
    const isAggregated = form?.as === "APIGroupDiscoveryList";
    const discovery = (core: boolean): void => {
      const version = form?.version ?? "v2";
      response.setHeader(
        "content-type",
        `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
      );
      response.setHeader("vary", "Accept");
      this.#json(request, response, aggregated(resources, { core, version }));
    };
    if (clean === "/api") {
      if (isAggregated) discovery(true);
      else this.#json(request, response, legacyVersions(`${this.#options.host}:${this.port}`));
    } else if (clean === "/apis") {
      if (isAggregated) discovery(false);
      else this.#json(request, response, groupList(resources));
    } else if (clean === "/openapi/v3") {
      this.#json(request, response, this.#openApiIndex());
    } else if (clean.startsWith("/openapi/v3/")) {
      response.setHeader("content-type", "application/json");
      this.#send(response, {
        code: 200,
        body: this.#openApiOf(clean.slice("/openapi/v3/".length)).text,
        request,
      });
    } else {
      const [, root, first = "", second = "", ...rest] = clean.split("/");
      if (rest.length > 0) return false;
      const list =
        root === "api" && second === ""
          ? resourceList(resources, { group: "", version: first })
          : root === "apis" && second !== ""
            ? resourceList(resources, { group: first, version: second })
            : root === "apis" && first !== ""
              ? group(resources, first)
              : undefined;
      if (!list) return false;
      this.#json(request, response, list);
    }
    return true;
  }

  #openApiIndex(): unknown {
    const paths = [...new Set(this.#dependencies.registry.resources.map(groupVersionPath))];
    return {
      paths: Object.fromEntries(
        paths.map((path) => [
          path,
          { serverRelativeURL: `/openapi/v3/${path}?hash=${this.#openApiOf(path).hash}` },
        ]),
      ),
    };
  }

  #openApiOf(path: string): { text: string; hash: string } {
    const known = this.#openApi.get(path);
    if (known) return known;
    const { registry, schema } = this.#dependencies;
    const own = registry.resources.filter((resource) => groupVersionPath(resource) === path);
    if (own.length === 0)
      throw new ApiError("NotFound", "the server could not find the requested resource");
    const text = JSON.stringify(openApiV3(schema, own));
    const hash = createHash("sha256").update(text).digest("hex").slice(0, 32).toUpperCase();
    const document = { text, hash };
    this.#openApi.set(path, document);
    return document;
  }

  async #health(response: Response, url: URL): Promise<void> {
    const ready = url.pathname.startsWith("/livez") || (await this.#dependencies.isStoreReady());
    const name = url.pathname.split("/")[1] ?? "healthz";
    const verbose = url.searchParams.has("verbose");
    const lines = [
      "[+]ping ok",
      ready ? "[+]etcd ok" : "[-]etcd failed: the store does not answer",
      ready ? `${name} check passed` : `${name} check failed`,
    ];
    response.setHeader("content-type", "text/plain; charset=utf-8");
    this.#send(response, {
      code: ready ? 200 : 500,
      body: ready && !verbose ? "ok" : `${lines.join("\n")}\n`,
    });
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

  #json(request: Request, response: Response, value: unknown): void {
    const yaml = negotiate(request.headers.accept)?.media === "yaml";
    if (yaml) response.setHeader("content-type", "application/yaml");
    this.#send(response, {
      code: 200,
      body: yaml ? stringify(value) : JSON.stringify(value),
      request,
    });
  }

  #send(
    response: Response,
    answer: { readonly code: number; readonly body: string; readonly request?: Request },
  ): void {
    sendText(response, answer);
  }
}

/**
 * HTTPS to a Kubernetes API server: JSON in and out, errors as `ApiError`, bodies as streams for
 * watches and logs. Knows nothing of resources.
 */
import { once } from "node:events";
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { ApiError } from "../../api/api-status.js";
import type { Status } from "../../api/gen/meta-v1.js";
import type { Kubeconfig } from "./kubeconfig.js";

export interface RestRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
}

/** The server could not be reached at all: nothing is known of what it did. */
export class ConnectionError extends Error {
  override readonly name: string = "ConnectionError";
}

/** An answer beyond this is refused: a list that large is read in chunks by limit/continue. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

export class RestConnection {
  readonly #config: Kubeconfig;
  readonly #url: URL;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor(config: Kubeconfig) {
    this.#config = config;
    this.#url = new URL(config.server);
    this.#agent =
      this.#url.protocol === "https:"
        ? new HttpsAgent({
            keepAlive: true,
            ca: config.caData,
            cert: config.certData,
            key: config.keyData,
            rejectUnauthorized: !config.skipTlsVerify,
          })
        : new HttpAgent({ keepAlive: true });
  }

  /** The decoded JSON answer. Rejects with `ApiError` or `ConnectionError`. */
  async json(request: RestRequest): Promise<unknown> {
    const response = await this.stream(request);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response) {
      const buffer: Buffer = chunk;
      bytes += buffer.length;
      if (bytes > MAX_ANSWER_BYTES) {
        response.destroy();
        throw new ConnectionError(
          `Cannot read ${request.path}: the answer is over ${MAX_ANSWER_BYTES} bytes`,
        );
      }
      chunks.push(buffer);
    }
    const text = Buffer.concat(chunks).toString("utf8");
    if (text === "") return undefined;
    try {
      return JSON.parse(text);
    } catch {
      throw new ConnectionError(
        `Cannot read ${request.path}: the answer is not JSON: ${text.slice(0, 200)}`,
      );
    }
  }

  /** The answer's body as it comes, once its status is known to be a success. */
  async stream(request: RestRequest): Promise<IncomingMessage> {
    const response = await this.#send(request);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    throw errorOf(status, Buffer.concat(chunks).toString("utf8"));
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(request: RestRequest): Promise<IncomingMessage> {
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const send = this.#url.protocol === "https:" ? httpsRequest : httpRequest;
    const call = send({
      agent: this.#agent,
      host: this.#url.hostname.replace(/^\[|\]$/g, ""),
      port: this.#url.port,
      path: `${this.#url.pathname.replace(/\/$/, "")}${request.path}`,
      method: request.method,
      headers: this.#headers(request, body),
      ...(request.signal ? { signal: request.signal } : {}),
    });
    call.end(body);
    try {
      const [response] = (await once(call, "response")) as [IncomingMessage]; // node:http's event.
      return response;
    } catch (error) {
      if (request.signal?.aborted) throw request.signal.reason;
      const why = error instanceof Error ? error.message : String(error);
      throw new ConnectionError(`Cannot reach the API server at ${this.#config.server}: ${why}`, {
        cause: error,
      });
    }
  }

  #headers(request: RestRequest, body: string | undefined): Record<string, string> {
    return {
      accept: request.accept ?? "application/json",
      "user-agent": "sagong",
      ...(body === undefined
        ? {}
        : {
            "content-type": request.contentType ?? "application/json",
            "content-length": String(Buffer.byteLength(body)),
          }),
      ...(this.#config.token ? { authorization: `Bearer ${this.#config.token}` } : {}),
    };
  }
}

function errorOf(status: number, text: string): ApiError {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && "kind" in value && value.kind === "Status") {
      return ApiError.fromStatus(value as Status); // Its kind says what it is.
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return new ApiError("InternalError", text.trim() || `HTTP status ${status}`, undefined, {
    code: status,
  });
}

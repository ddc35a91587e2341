/**
 * The API server as clients meet it: HTTPS on a port of its own, certificates of a CA of its own,
 * storage in memory. Requests are raw, so that tests see every header and body.
 */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type ClientHttp2Session, connect } from "node:http2";
import { Agent, request as httpsRequest } from "node:https";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LogRecord, createLogger } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { ApiServer, type ApiServerListenOptions } from "../../src/apiserver/api-server.js";
import { type KeyPair, openPki } from "../../src/pki/pki.js";
import { type MemoryCluster, openMemoryCluster } from "../../src/testing/memory-cluster.js";

export interface SentRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Objects are sent as JSON, with its content type. */
  readonly body?: unknown;
  /** "admin" where left out. */
  readonly as?: "admin" | "nobody" | "stranger";
  readonly http?: 1 | 2;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The text as JSON. */
  json(): Tree;
}

/** Any JSON object: tests look into it with `at`. */
export type Tree = Readonly<Record<string, unknown>>;

export interface Lines {
  readonly status: number;
  /** Undefined once the stream has ended. */
  next(): Promise<Tree | undefined>;
  /** Until the stream ends. */
  rest(): Promise<Tree[]>;
  stop(): void;
}

export interface ServerFixture {
  readonly cluster: MemoryCluster;
  readonly port: number;
  readonly tls: { readonly ca: string } & KeyPair;
  /** What an agent on 127.0.0.1 shows to the API server. */
  readonly nodeTls: KeyPair;
  send(request: SentRequest): Promise<Answer>;
  /** A watch, line by line. */
  open(request: SentRequest): Promise<Lines>;
  /** Rejects where the server logged an error: whatever a client does is no accident of ours. */
  close(): Promise<void>;
}

export async function openServer(
  options: Partial<ApiServerListenOptions> = {},
): Promise<ServerFixture> {
  const clock = realClock();
  const dir = await mkdtemp(join(tmpdir(), "sagong-apiserver-"));
  const pki = await openPki(dir, { clock });
  const cluster = await openMemoryCluster({ clock });
  const pairs = {
    admin: await pki.clientCertificate("admin", {
      commonName: "kubernetes-admin",
      organization: "system:masters",
    }),
    stranger: await pki.clientCertificate("stranger", {
      commonName: "jane",
      organization: "developers",
    }),
    nobody: undefined,
  };
  const errors: LogRecord[] = [];
  const logger = createLogger("error", (record) => errors.push(record));
  const server = await ApiServer.listen(
    {
      host: "127.0.0.1",
      port: 0,
      tls: { ...pki.apiServer, ca: pki.ca },
      version: "0.0.0",
      ...options,
    },
    {
      registry: cluster.registry,
      schema: cluster.schema,
      clock,
      logger,
      isStoreReady: () => Promise.resolve(true),
      nodeClient: { ...pairs.admin, ca: pki.ca },
    },
  );
  const transport = new Transport(server.port, pki.ca, pairs);
  return {
    cluster,
    port: server.port,
    tls: { ca: pki.ca, ...pairs.admin },
    nodeTls: await pki.nodeCertificate("node-1", ["127.0.0.1"]),
    send: async (request) => collected(await transport.begin(request)),
    open: async (request) => lines(await transport.begin(request)),
    close: async () => {
      transport.close();
      await server.close();
      await cluster.close();
      await rm(dir, { recursive: true });
      if (errors.length > 0)
        throw new Error(`the server logged errors: ${JSON.stringify(errors, undefined, 2)}`);
    },
  };
}

interface Begun {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Buffer>;
  destroy(): void;
}

type Identity = "admin" | "nobody" | "stranger";

class Transport {
  readonly #port: number;
  readonly #ca: string;
  readonly #pairs: Readonly<Record<Identity, KeyPair | undefined>>;
  readonly #agents = new Map<Identity, Agent>();
  readonly #sessions = new Map<Identity, ClientHttp2Session>();

  constructor(port: number, ca: string, pairs: Readonly<Record<Identity, KeyPair | undefined>>) {
    this.#port = port;
    this.#ca = ca;
    this.#pairs = pairs;
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    for (const session of this.#sessions.values()) session.destroy();
  }

  begin(request: SentRequest): Promise<Begun> {
    return request.http === 2 ? this.#beginHttp2(request) : this.#beginHttp1(request);
  }

  async #beginHttp1({ as = "admin", ...request }: SentRequest): Promise<Begun> {
    const agent =
      this.#agents.get(as) ?? new Agent({ keepAlive: true, ca: this.#ca, ...this.#pairs[as] });
    this.#agents.set(as, agent);
    const { path, headers, body, method } = prepared(request);
    const outgoing = httpsRequest({
      host: "127.0.0.1",
      port: this.#port,
      agent,
      method,
      path,
      headers,
    });
    outgoing.end(body);
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage]; // node:http's event.
    return {
      status: incoming.statusCode ?? 0,
      headers: incoming.headers,
      body: incoming,
      destroy: () => incoming.destroy(),
    };
  }

  async #beginHttp2({ as = "admin", ...request }: SentRequest): Promise<Begun> {
    const session =
      this.#sessions.get(as) ??
      connect(`https://127.0.0.1:${this.#port}`, { ca: this.#ca, ...this.#pairs[as] });
    this.#sessions.set(as, session);
    const { path, headers, body, method } = prepared(request);
    const stream = session.request(
      { ":method": method, ":path": path, ...headers },
      { endStream: body === undefined },
    );
    if (body !== undefined) stream.end(body);
    const [head] = (await once(stream, "response")) as [IncomingHttpHeaders]; // node:http2's event.
    const { ":status": status, ...rest } = head;
    return {
      status: Number(status),
      headers: rest,
      body: stream,
      destroy: () => stream.destroy(),
    };
  }
}

interface PreparedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | undefined;
}

function prepared({ method = "GET", path, headers = {}, body }: SentRequest): PreparedRequest {
  if (body === undefined) return { method, path, headers, body };
  const isRaw = typeof body === "string" || Buffer.isBuffer(body);
  const bytes = isRaw ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
  const type: Record<string, string> = isRaw ? {} : { "content-type": "application/json" };
  // Some methods have no body in Node's eyes, and would send it without a frame.
  const length = String(bytes.length);
  return { method, path, headers: { ...type, "content-length": length, ...headers }, body: bytes };
}

async function collected({ status, headers, body }: Begun): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  return { status, headers, text, json: () => JSON.parse(text) as Tree }; // Tests look into it.
}

async function lines(begun: Begun): Promise<Lines> {
  async function* parsed(): AsyncGenerator<Tree> {
    let pending = "";
    for await (const chunk of begun.body) {
      pending += chunk.toString("utf8");
      const whole = pending.split("\n");
      pending = whole.pop() ?? "";
      for (const line of whole) yield JSON.parse(line) as Tree; // As above.
    }
  }
  const events = parsed();
  return {
    status: begun.status,
    next: async () => {
      const result = await events.next();
      return result.done ? undefined : result.value;
    },
    rest: async () => {
      const all: Tree[] = [];
      for await (const event of events) all.push(event);
      return all;
    },
    stop: () => begun.destroy(),
  };
}

/** What stands at a path of a JSON value: `at(pod, "spec.containers.0.name")`. */
export function at(value: unknown, path: string): unknown {
  let here = value;
  for (const step of path.split(".")) {
    if (typeof here !== "object" || here === null) return undefined;
    here = (here as Readonly<Record<string, unknown>>)[step]; // Any object may be asked.
  }
  return here;
}

export function textAt(value: unknown, path: string): string {
  return String(at(value, path));
}

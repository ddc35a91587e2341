/**
 * What every call passes on its way to a handler and back: the `hasleader` check, the mapping of
 * refusals to gRPC statuses, and the metrics by method. Wraps handlers once, when services are
 * built; the unary path costs nothing that lives on.
 */
import { type Clock, Deferred, errorText, type Logger, type Tap } from "@sagong/base";
import {
  Outbox,
  type RpcError,
  type ServerCall,
  type ServiceImplementation,
  StatusCode,
} from "@sagong/rpc";
import { BackendError } from "../backend/backend-error.js";
import type { Counter, Histogram, MetricsRegistry } from "../http/metrics.js";
import type { ClientUse } from "../member/client-use.js";
import { MemberError } from "../member/member-error.js";
import { DamagedDatabaseError } from "../mvcc/damaged-database-error.js";
import { toRpcError } from "./status-codes.js";
import type { LeaderPresence } from "./store-api.js";

export interface InterceptorDependencies {
  readonly leader: LeaderPresence;
  readonly metrics: MetricsRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of every call; left out where the callers are members. */
  readonly clientUse?: Pick<ClientUse, "called">;
  /** A request has met a database that is damaged or cannot be read: the member must stop. */
  readonly onUnreadable: (error: unknown) => void;
}

/** Prometheus' default bounds in seconds, as go-grpc-prometheus has them. */
const HANDLING_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const CODE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(StatusCode).map(([name, code]) => [
    code,
    code === StatusCode.ok ? "OK" : name.charAt(0).toUpperCase() + name.slice(1),
  ]),
);

export function intercept(
  service: ServiceImplementation,
  dependencies: InterceptorDependencies,
): ServiceImplementation {
  const handlers: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(service.descriptor.methods)) {
    const handler = service.handlers[name];
    if (typeof handler !== "function") continue;
    const observer = new MethodObserver(method.path, method.kind, dependencies);
    switch (method.kind) {
      case "unary":
        // `implement` checked the handler against this method's kind.
        handlers[name] = unary(handler as AnyUnary, observer, dependencies);
        break;
      case "server-stream":
      case "duplex":
        // As above; both kinds answer with an async iterable.
        handlers[name] = stream(handler as AnyStream, observer, dependencies);
        break;
      case "client-stream":
        throw new Error(`Cannot serve ${method.path}: etcd has no client streams`);
    }
  }
  return { descriptor: service.descriptor, handlers };
}

type AnyUnary = (request: unknown, call: ServerCall) => unknown;
type AnyStream = (input: unknown, call: ServerCall) => AsyncIterable<unknown>;

function unary(
  handler: AnyUnary,
  observer: MethodObserver,
  { leader, clock, clientUse }: InterceptorDependencies,
): AnyUnary {
  return (request, call) => {
    const startedMs = clock.monotonicMs();
    clientUse?.called(startedMs);
    try {
      // Metadata is costly to read, and only matters when there is no leader.
      if (!leader.hasLeader()) requireLeader(call);
      const answer = handler(request, call);
      if (answer instanceof Deferred) {
        answer.tap(observer, startedMs);
        return answer;
      }
      if (!(answer instanceof Promise)) {
        observer.resolved(startedMs);
        return answer;
      }
      return answer.then(
        (response: unknown) => {
          observer.resolved(startedMs);
          return response;
        },
        (error: unknown) => {
          throw observer.rejected(error, startedMs);
        },
      );
    } catch (error) {
      throw observer.rejected(error, startedMs);
    }
  };
}

function stream(
  handler: AnyStream,
  observer: MethodObserver,
  { leader, clock, clientUse }: InterceptorDependencies,
): AnyStream {
  return (input, call) => {
    const startedMs = clock.monotonicMs();
    clientUse?.called(startedMs);
    try {
      if (!leader.hasLeader()) requireLeader(call);
      const responses = handler(input, call);
      if (!(responses instanceof Outbox)) return observed(responses, observer, startedMs);
      responses.observe({
        ended: () => observer.resolved(startedMs),
        failed: (error) => observer.rejected(error, startedMs),
      });
      return responses;
    } catch (error) {
      throw observer.rejected(error, startedMs);
    }
  };
}

async function* observed(
  responses: AsyncIterable<unknown>,
  observer: MethodObserver,
  startedMs: number,
): AsyncGenerator<unknown> {
  try {
    yield* responses;
    observer.resolved(startedMs);
  } catch (error) {
    throw observer.rejected(error, startedMs);
  }
}

/** etcd's WithRequireLeader: better an error at once than an answer that may never come. */
function requireLeader(call: ServerCall): void {
  if (call.metadata["hasleader"] === "true") throw new MemberError("no-leader");
}

/** Counts the calls of one method, and maps what they are refused with. */
class MethodObserver implements Tap {
  readonly #dependencies: InterceptorDependencies;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #path: string;
  readonly #ok: Counter;
  readonly #seconds: Histogram;

  constructor(path: string, kind: string, dependencies: InterceptorDependencies) {
    const [, service = "", method = ""] = path.split("/");
    this.#path = path;
    this.#dependencies = dependencies;
    this.#labels = {
      grpc_service: service,
      grpc_method: method,
      grpc_type: kind === "duplex" ? "bidi_stream" : kind.replace("-", "_"),
    };
    this.#ok = this.#handled(StatusCode.ok);
    this.#seconds = dependencies.metrics.histogram(
      {
        name: "grpc_server_handling_seconds",
        help: "Histogram of response latency (seconds) of gRPC that had been application-level handled by the server.",
        buckets: HANDLING_BUCKETS,
      },
      this.#labels,
    );
  }

  resolved(startedMs: number): void {
    this.#ok.increment();
    this.#observe(startedMs);
  }

  /** Counts `error` and gives what the client is told. */
  rejected(error: unknown, startedMs: number): RpcError {
    const status = toRpcError(error);
    this.#handled(status.code).increment();
    this.#observe(startedMs);
    if (status.code === StatusCode.unknown) {
      const { logger } = this.#dependencies;
      logger.error("request failed unexpectedly", { method: this.#path, error: errorText(error) });
    }
    if (error instanceof DamagedDatabaseError || error instanceof BackendError) {
      this.#dependencies.onUnreadable(error);
    }
    return status;
  }

  #observe(startedMs: number): void {
    this.#seconds.observe((this.#dependencies.clock.monotonicMs() - startedMs) / 1_000);
  }

  #handled(code: number): Counter {
    return this.#dependencies.metrics.counter(
      {
        name: "grpc_server_handled_total",
        help: "Total number of RPCs completed on the server, regardless of success or failure.",
      },
      { ...this.#labels, grpc_code: CODE_NAMES.get(code) ?? String(code) },
    );
  }
}

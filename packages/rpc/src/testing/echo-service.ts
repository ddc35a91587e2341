/** The service that the suite of all transports calls: Health's messages in every kind of call. */
import { HealthCheckRequest, HealthCheckResponse } from "../gen/health.js";
import { implement, type ServerCall, type ServiceImplementation } from "../handler.js";
import { EncodedMessage } from "../message/encoded-message.js";
import type { MessageType } from "../message/message-type.js";
import type { MethodDescriptor, MethodKind } from "../message/method.js";
import { Outbox } from "../outbox.js";
import { RpcError, StatusCode } from "../status.js";

/** What the handlers were given and did. */
export interface Seen {
  aborted: boolean;
  produced: number;
  /** Requests that a handler of many has read. */
  read: number;
  calls: number;
  /** Handlers of many requests that have ended, for whatever reason. */
  ended: number;
  metadata: ServerCall["metadata"];
}

type EchoMethod<Kind extends MethodKind, Response = HealthCheckResponse> = MethodDescriptor<
  HealthCheckRequest,
  Response,
  Kind
>;

export type EchoMethods = {
  /** The length of what is asked; `refuse`, `break` and `hang` do what they say. */
  readonly unary: EchoMethod<"unary">;
  /** As many x as asked for. */
  readonly repeat: EchoMethod<"unary", HealthCheckRequest>;
  /** As many responses as asked for; `hang` sends one, `fail` sends three and fails. */
  readonly stream: EchoMethod<"server-stream">;
  readonly pushed: EchoMethod<"server-stream">;
  /** A hundred responses of the size that is asked for. */
  readonly blocks: EchoMethod<"server-stream", HealthCheckRequest>;
  /** The sum of the requests' lengths; `refuse` among them ends the call. */
  readonly collect: EchoMethod<"client-stream">;
  /** The length of each request, and -1 at the end. */
  readonly duplex: EchoMethod<"duplex">;
  /** Each request as it came. */
  readonly mirror: EchoMethod<"duplex", HealthCheckRequest>;
  /** Reads nothing before the gate opens; then the sum of the lengths. */
  readonly gated: EchoMethod<"duplex">;
  /** Ends well after the first request. */
  readonly leave: EchoMethod<"duplex">;
  /** Has no handler. */
  readonly missing: EchoMethod<"unary">;
};

export const EchoService: { readonly name: string; readonly methods: Readonly<EchoMethods> } = {
  name: "test.Echo",
  methods: {
    unary: method("unary", "unary", HealthCheckResponse),
    repeat: method("unary", "repeat", HealthCheckRequest),
    stream: method("server-stream", "stream", HealthCheckResponse),
    pushed: method("server-stream", "pushed", HealthCheckResponse),
    blocks: method("server-stream", "blocks", HealthCheckRequest),
    collect: method("client-stream", "collect", HealthCheckResponse),
    duplex: method("duplex", "duplex", HealthCheckResponse),
    mirror: method("duplex", "mirror", HealthCheckRequest),
    gated: method("duplex", "gated", HealthCheckResponse),
    leave: method("duplex", "leave", HealthCheckResponse),
    missing: method("unary", "missing", HealthCheckResponse),
  },
};

function method<Kind extends MethodKind, Response>(
  kind: Kind,
  name: string,
  response: MessageType<Response>,
): EchoMethod<Kind, Response> {
  return { path: `/test.Echo/${name}`, kind, request: HealthCheckRequest, response };
}

export function echoService(seen: Seen, gate: Promise<void>): ServiceImplementation {
  return implement(EchoService, {
    unary: (request, call) => answer(request.service, call, seen),
    repeat: ({ service }) => HealthCheckRequest.create({ service: "x".repeat(Number(service)) }),
    stream: (request, call) => count(request.service, call, seen),
    pushed: ({ service }) => push(service, seen),
    blocks: async function* ({ service }) {
      const block = HealthCheckRequest.create({ service: "x".repeat(Number(service)) });
      for (let i = 0; i < 100; i++) yield block;
    },
    collect: async (requests) => {
      try {
        let status = 0;
        for await (const { service } of requests) {
          seen.read++;
          if (service === "refuse") throw new RpcError(StatusCode.aborted, "enough");
          status += service.length;
        }
        return HealthCheckResponse.create({ status });
      } finally {
        seen.ended++;
      }
    },
    duplex: async function* (requests) {
      try {
        seen.calls++;
        for await (const request of requests) {
          seen.read++;
          yield HealthCheckResponse.create({ status: request.service.length });
        }
        yield HealthCheckResponse.create({ status: -1 });
      } finally {
        seen.ended++;
      }
    },
    mirror: async function* (requests) {
      for await (const request of requests) yield request;
    },
    gated: async function* (requests) {
      await gate;
      let status = 0;
      for await (const { service } of requests) status += service.length;
      yield HealthCheckResponse.create({ status });
    },
    leave: async function* (requests) {
      for await (const { service } of requests) {
        yield HealthCheckResponse.create({ status: service.length });
        return;
      }
    },
  });
}

function answer(
  service: string,
  call: ServerCall,
  seen: Seen,
): HealthCheckResponse | EncodedMessage | Promise<never> {
  seen.calls++;
  seen.metadata = call.metadata;
  if (service === "refuse") {
    throw new RpcError(StatusCode.failedPrecondition, "refused: ∂ is not allowed", {
      trailers: { why: "because", "proof-bin": "3q2+7w==" },
    });
  }
  if (service === "break") throw new Error("broken");
  if (service === "hang") {
    return new Promise((_, reject) => {
      call.signal.addEventListener("abort", () => {
        seen.aborted = true;
        reject(call.signal.reason);
      });
    });
  }
  const response = HealthCheckResponse.create({ status: service.length });
  return service.startsWith("encoded") ? inParts(response) : response;
}

async function* count(
  service: string,
  call: ServerCall,
  seen: Seen,
): AsyncGenerator<HealthCheckResponse | EncodedMessage> {
  seen.calls++;
  try {
    if (service === "hang") {
      yield HealthCheckResponse.create({ status: 0 });
      await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
      return;
    }
    for (let i = 0; i < (service === "fail" ? 3 : Number(service)); i++) {
      seen.produced++;
      const response = HealthCheckResponse.create({ status: i });
      yield i === 1 ? inParts(response) : response;
    }
    if (service === "fail") {
      throw new RpcError(StatusCode.dataLoss, "lost", { trailers: { at: "3" } });
    }
  } finally {
    seen.aborted = call.signal.aborted;
  }
}

/** Sends so many as `service` says, three at a time, while there is room; then ends, or fails. */
function push(service: string, seen: Seen): Outbox<HealthCheckResponse> {
  const [amount, failure] = service.split(" ");
  const sendSome = (): void => {
    while (seen.produced < Number(amount)) {
      if (outbox.isBlocked && seen.produced > 0) return;
      const batch = [0, 1, 2].map((i) => HealthCheckResponse.create({ status: seen.produced + i }));
      outbox.send(batch.map((response, i) => (i === 1 ? inParts(response) : response)));
      seen.produced += 3;
    }
    if (failure === undefined) outbox.end();
    else outbox.fail(new RpcError(StatusCode.aborted, failure));
  };
  const outbox = new Outbox<HealthCheckResponse>({
    onRoom: sendSome,
    onClosed: () => {
      seen.aborted = true;
    },
  });
  sendSome();
  return outbox;
}

function inParts(response: HealthCheckResponse): EncodedMessage {
  const bytes = HealthCheckResponse.encode(response);
  return new EncodedMessage([bytes.subarray(0, 1), bytes.subarray(1)]);
}

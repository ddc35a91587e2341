/**
 * The server's half of calls that come over the simulated network: bytes to requests, the member's
 * handlers, responses to bytes. What a handler may return is as in @sagong/rpc: a value, a promise, a
 * `Deferred`, an `Outbox`, an async iterable.
 */
import { Deferred } from "@sagong/base";
import {
  MessageDecodeError,
  type MessageType,
  Outbox,
  RpcError,
  type ServerCall,
  StatusCode,
} from "@sagong/rpc";
import { encodeMessage } from "@sagong/rpc/message";
import type { Carried, Connection } from "./connection.js";
import type { Lane } from "./lane.js";
import type { ServedMethod } from "./network-node.js";

/** What a reader of requests is told; one for all, since there are so many. */
const CALL_ENDED = new RpcError(StatusCode.unavailable, "the call has ended");

/** Where a unary call's outcome goes: to the client, over the network. */
export interface Reply {
  readonly answer: (bytes: Uint8Array) => void;
  readonly refuse: (error: RpcError) => void;
}

class CallOnServer implements ServerCall, Carried {
  readonly metadata: Readonly<Record<string, string>>;
  readonly peer: string;
  readonly encodedRequest: Uint8Array | undefined;
  #connection: Connection | undefined;
  /** Made where somebody asks: most handlers do not. */
  #controller: AbortController | undefined;
  #error: RpcError | undefined;

  constructor(
    connection: Connection,
    metadata: Readonly<Record<string, string>>,
    encodedRequest?: Uint8Array,
  ) {
    this.#connection = connection;
    this.metadata = metadata;
    this.peer = connection.client.name;
    this.encodedRequest = encodedRequest;
    connection.serverCalls.add(this);
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#error) this.#controller.abort(this.#error);
    return this.#controller.signal;
  }

  /** The client takes no more of it. */
  get isOver(): boolean {
    return this.#connection === undefined;
  }

  broken(error: RpcError): void {
    if (this.isOver) return;
    this.#error = error;
    this.done();
    this.#controller?.abort(error);
    this.onBroken?.(error);
  }

  /** For the kind of call. */
  onBroken: ((error: RpcError) => void) | undefined;

  done(): void {
    this.#connection?.serverCalls.delete(this);
    this.#connection = undefined;
  }
}

export type OpenServerCall = Pick<CallOnServer, "broken">;

export function serveUnary(
  connection: Connection,
  { method, handler }: ServedMethod,
  request: { readonly bytes: Uint8Array; readonly metadata: Readonly<Record<string, string>> },
  reply: Reply,
): OpenServerCall {
  const call = new CallOnServer(connection, request.metadata, request.bytes);
  const resolved = (response: unknown): void => {
    if (call.isOver) return;
    call.done();
    reply.answer(encodeMessage(method.response, response));
  };
  const rejected = (error: unknown): void => {
    if (call.isOver) return;
    call.done();
    reply.refuse(rpcError(error));
  };
  try {
    // `implement` checked the handler against the method's kind.
    const unary = handler as (request: unknown, call: ServerCall) => unknown;
    const answer = unary(method.request.decode(request.bytes), call);
    if (answer instanceof Deferred) answer.consume({ resolved, rejected });
    else if (isThenable(answer)) answer.then(resolved, rejected);
    else resolved(answer);
  } catch (error) {
    rejected(error);
  }
  return call;
}

/** Server streams (of one request) and streams of both directions. */
export function serveStream(
  connection: Connection,
  { method, handler }: ServedMethod,
  lanes: { readonly up: Lane; readonly down: Lane },
  metadata: Readonly<Record<string, string>>,
): OpenServerCall {
  const call = new CallOnServer(connection, metadata);
  const { up, down } = lanes;
  const end = (ending: { readonly error: unknown } | "ended"): void => {
    if (call.isOver) return;
    call.done();
    up.close({ error: CALL_ENDED });
    down.finish(ending === "ended" ? ending : { error: rpcError(ending.error) });
  };
  call.onBroken = (error) => up.close({ error });
  void begin(method, handler, up, call).then(
    (responses) => {
      if (responses instanceof Outbox)
        attach(responses, { call, down, end, type: method.response });
      else void pull(responses, { call, down, end, type: method.response });
    },
    (error: unknown) => end({ error }),
  );
  return call;
}

async function begin(
  { kind, request }: ServedMethod["method"],
  handler: unknown,
  up: Lane,
  call: CallOnServer,
): Promise<Responses> {
  // `implement` checked the handler against the method's kind.
  const stream = handler as (input: unknown, call: ServerCall) => Responses;
  if (kind === "duplex") return stream(up.messages(request), call);
  const first = await up.messages(request).next();
  if (first.done) throw new RpcError(StatusCode.internal, "the call has no request");
  return stream(first.value, call);
}

type Responses = AsyncIterable<unknown>;

interface Outward {
  readonly call: CallOnServer;
  readonly down: Lane;
  readonly end: (ending: { readonly error: unknown } | "ended") => void;
  readonly type: MessageType<unknown>;
}

function attach(outbox: Outbox<unknown>, { call, down, end, type }: Outward): void {
  if (call.isOver) return outbox.close(new RpcError(StatusCode.cancelled, "the call is over"));
  const { onBroken } = call;
  call.onBroken = (error) => {
    onBroken?.(error);
    outbox.close(error);
  };
  down.onRoom = () => outbox.resume();
  outbox.attach({
    send: (responses) => {
      if (!call.isOver) for (const response of responses) down.push(encodeMessage(type, response));
      return down.hasRoom;
    },
    end: () => end("ended"),
    fail: (error) => end({ error }),
  });
}

async function pull(responses: Responses, { call, down, end, type }: Outward): Promise<void> {
  const iterator = responses[Symbol.asyncIterator]();
  const { onBroken } = call;
  const room: { wake?: () => void } = {};
  down.onRoom = () => room.wake?.();
  call.onBroken = (error) => {
    onBroken?.(error);
    room.wake?.();
    // The handler cleans up, perhaps inside an await that ends later.
    void iterator.return?.().catch(() => {});
  };
  if (call.isOver) return void (await iterator.return?.());
  try {
    for (;;) {
      while (!down.hasRoom && !call.isOver) {
        await new Promise<void>((resolve) => Object.assign(room, { wake: resolve }));
      }
      const next = call.isOver ? undefined : await iterator.next();
      if (!next || call.isOver) return;
      if (next.done) return end("ended");
      down.push(encodeMessage(type, next.value));
    }
  } catch (error) {
    end({ error });
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value;
}

export function rpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof MessageDecodeError ? StatusCode.internal : StatusCode.unknown;
  return new RpcError(code, message, { cause: error });
}

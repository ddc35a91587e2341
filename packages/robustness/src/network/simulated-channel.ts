/**
 * The client's half: an rpc `Channel` over the simulated network. As our channel over sockets it has
 * one connection, made with the first call and anew where it was lost; what is open on a connection
 * that breaks ends as unavailable, and what gets no answer waits for its own timeout.
 */
import { type Clock, errorText, type Timer } from "@sagong/base";
import {
  type CallOptions,
  type Channel,
  type DuplexCall,
  type EncodedMessage,
  type MethodDescriptor,
  RpcError,
  StatusCode,
} from "@sagong/rpc";
import { encodeMessage } from "@sagong/rpc/message";
import type { AnyMethod } from "@sagong/rpc";
import type { Carried, Connection } from "./connection.js";
import { Lane, type LaneCarrier } from "./lane.js";
import type { Host, Port, ServedMethod } from "./network-node.js";
import { type OpenServerCall, serveStream, serveUnary } from "./server-call.js";

export interface SimulatedChannelOptions {
  readonly port: Port;
  /** The client's: of its timeouts. */
  readonly clock: Clock;
  /** The present connection, or a new one. */
  readonly connect: () => Connection;
  readonly carrier: CarrierTap;
}

/** Sees what is carried, and may treat in a way of its own what goes over streams to a server. */
export interface CarrierTap {
  /** Whether messages of this method may be lost, doubled or overtaken by the link. */
  isLoose(method: AnyMethod): boolean;
  /** Whether such a message, come twice, means no more than once. */
  isRepeatable(bytes: Uint8Array): boolean;
  /** Each message that a server sends. */
  answered(bytes: Uint8Array): void;
  /** Each message that is sent to a server; told what became of it. */
  sent(
    method: AnyMethod,
    connection: Connection,
    bytes: Uint8Array,
  ): ((isLost: boolean) => void) | undefined;
}

/** One call as its client has it: it ends once, by an answer, an error or a cancellation. */
class ClientCall implements Carried {
  readonly connection: Connection;
  server: OpenServerCall | undefined;
  readonly #fail: (error: RpcError) => void;
  #timer: Timer | undefined;
  #signal: AbortSignal | undefined;
  #isOver = false;

  constructor(
    connection: Connection,
    { clock }: Pick<SimulatedChannelOptions, "clock">,
    { timeoutMs, signal }: CallOptions,
    fail: (error: RpcError) => void,
  ) {
    this.connection = connection;
    this.#fail = fail;
    connection.clientCalls.add(this);
    if (timeoutMs !== undefined) {
      this.#timer = clock.schedule(timeoutMs, () =>
        this.cancel(new RpcError(StatusCode.deadlineExceeded, "Deadline exceeded")),
      );
    }
    if (signal?.aborted) this.#cancelled();
    else if (signal) {
      this.#signal = signal;
      signal.addEventListener("abort", this.#cancelled, { once: true });
    }
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** False where it was over already. */
  done(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.connection.clientCalls.delete(this);
    this.#timer?.cancel();
    this.#signal?.removeEventListener("abort", this.#cancelled);
    return true;
  }

  broken(error: RpcError): void {
    if (this.done()) this.#fail(error);
  }

  /** By the client; the server is told. */
  cancel(error: RpcError): void {
    if (!this.done()) return;
    this.connection.toServer(0, () => this.server?.broken(error));
    this.#fail(error);
  }

  readonly #cancelled = (): void =>
    this.cancel(new RpcError(StatusCode.cancelled, "the call was cancelled"));
}

export class SimulatedChannel implements Channel {
  readonly #options: SimulatedChannelOptions;
  #connection: Connection | undefined;
  #isClosed = false;

  constructor(options: SimulatedChannelOptions) {
    this.#options = options;
  }

  unary<Request, Response>(
    method: MethodDescriptor<Request, Response, "unary">,
    request: Request | EncodedMessage,
    options: CallOptions = {},
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const connection = this.#connected();
      const bytes = encodeMessage(method.request, request);
      const call = new ClientCall(connection, this.#options, options, reject);
      if (call.isOver) return;
      const told = this.#options.carrier.sent(method, connection, bytes);
      const refuse = (error: RpcError): void =>
        connection.toClient(0, () => {
          if (call.done()) reject(error);
        });
      const answer = (response: Uint8Array): void => {
        this.#options.carrier.answered(response);
        connection.toClient(response.length, () => {
          if (call.done()) resolve(method.response.decode(response));
        });
      };
      connection.toServer(bytes.length, (host) => {
        told?.(false);
        const served = this.#served(host, method, refuse);
        const metadata = options.metadata ?? {};
        if (!served) return;
        call.server = serveUnary(connection, served, { bytes, metadata }, { answer, refuse });
      });
    });
  }

  async *serverStream<Request, Response>(
    method: MethodDescriptor<Request, Response, "server-stream">,
    request: Request | EncodedMessage,
    options: CallOptions = {},
  ): AsyncGenerator<Response> {
    const call = this.#stream(method, options);
    call.up.push(encodeMessage(method.request, request));
    call.up.finish("ended");
    yield* call.responses;
  }

  /** Neither etcd's API nor ours has one. */
  clientStream<Request, Response>(
    method: MethodDescriptor<Request, Response, "client-stream">,
  ): Promise<Response> {
    return Promise.reject(
      new RpcError(
        StatusCode.unimplemented,
        `Cannot call ${method.path}: the simulated network carries no client streams`,
      ),
    );
  }

  duplex<Request, Response>(
    method: MethodDescriptor<Request, Response, "duplex">,
    options: CallOptions = {},
  ): DuplexCall<Request, Response> {
    const { up, call, responses } = this.#stream(method, options);
    const waiting: (() => void)[] = [];
    up.onRoom = () => {
      for (const wake of waiting.splice(0)) wake();
    };
    return {
      send: async (request) => {
        const bytes = encodeMessage(method.request, request);
        while (!up.hasRoom && !call.isOver) {
          await new Promise<void>((resolve) => waiting.push(resolve));
        }
        if (call.isOver) throw new RpcError(StatusCode.unavailable, "the call has ended");
        up.push(bytes);
      },
      end: () => up.finish("ended"),
      cancel: () => {
        // Whoever has read a call to its end cancels it: thousands of errors that nobody sees.
        if (!call.isOver) call.cancel(new RpcError(StatusCode.cancelled, "the call was cancelled"));
      },
      responses,
    };
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#connection?.closeAtClient("the channel was closed");
    return Promise.resolve();
  }

  #connected(): Connection {
    if (this.#isClosed) throw new RpcError(StatusCode.unavailable, "the channel was closed");
    if (!this.#connection?.isUsable) this.#connection = this.#options.connect();
    return this.#connection;
  }

  #served(
    host: Host,
    method: AnyMethod,
    refuse: (error: RpcError) => void,
  ): ServedMethod | undefined {
    const { port } = this.#options;
    const served = host.served(port, method.path);
    if (served) return served;
    const what = `The server does not implement the method ${method.path}`;
    refuse(
      host.listensOn(port)
        ? new RpcError(StatusCode.unimplemented, what)
        : new RpcError(StatusCode.unavailable, "the server is closing"),
    );
    return undefined;
  }

  #stream<Request, Response>(
    method: MethodDescriptor<Request, Response>,
    options: CallOptions,
  ): { readonly up: Lane; readonly call: ClientCall; readonly responses: AsyncIterable<Response> } {
    const connection = this.#connected();
    const down = new Lane(this.#downCarrier(connection));
    const over: { wake?: () => void } = {};
    const call = new ClientCall(connection, this.#options, options, (error) => {
      down.close({ error });
      over.wake?.();
    });
    const up = new Lane(this.#upCarrier(method, call));
    over.wake = () => up.onRoom?.();
    if (!call.isOver) {
      const refuse = (error: RpcError): void => connection.toClient(0, () => call.broken(error));
      connection.toServer(0, (host) => {
        const served = this.#served(host, method, refuse);
        if (!served) return;
        call.server = serveStream(connection, served, { up, down }, options.metadata ?? {});
      });
    }
    return { up, call, responses: responsesOf(method, call, down) };
  }

  #upCarrier(method: AnyMethod, call: ClientCall): LaneCarrier {
    const { connection } = call;
    const { carrier } = this.#options;
    const isLoose = carrier.isLoose(method);
    let isFirst = true;
    return {
      forward: (bytes, reader) => {
        if (call.isOver) return;
        const told = carrier.sent(method, connection, bytes);
        const arrive = (): void => {
          told?.(false);
          reader.arrive(bytes);
        };
        // The first message of a stream says whose it is.
        if (!isLoose || isFirst || !connection.isLossyToServer) {
          connection.toServer(bytes.length, arrive);
        } else {
          connection.looselyToServer(bytes.length, arrive, {
            lost: () => {
              told?.(true);
              reader.lost();
            },
            isRepeatable: () => carrier.isRepeatable(bytes),
          });
        }
        isFirst = false;
      },
      forwardEnd: (deliver) => {
        if (!call.isOver) connection.toServer(0, deliver);
      },
      back: (deliver) => connection.toClient(0, deliver),
    };
  }

  #downCarrier(connection: Connection): LaneCarrier {
    return {
      forward: (bytes, reader) => {
        this.#options.carrier.answered(bytes);
        connection.toClient(bytes.length, () => reader.arrive(bytes));
      },
      forwardEnd: (deliver) => connection.toClient(0, deliver),
      back: (deliver) => connection.toServer(0, deliver),
    };
  }
}

async function* responsesOf<Response>(
  { response }: MethodDescriptor<unknown, Response> | AnyMethod,
  call: ClientCall,
  down: Lane,
): AsyncGenerator<Response> {
  try {
    yield* down.messages<Response>(response);
    call.done();
  } catch (error) {
    call.done();
    throw error instanceof RpcError ? error : new RpcError(StatusCode.internal, errorText(error));
  } finally {
    if (!call.isOver)
      call.cancel(new RpcError(StatusCode.cancelled, "the client cancelled the call"));
  }
}

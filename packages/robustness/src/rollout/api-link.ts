/**
 * A program's connection to the API servers: the real in-process client of whichever server it is
 * connected to, with a network between. Requests take time, are lost, or are done while their answer
 * is lost; watches show each object late, for seconds where they are held, and break.
 *
 * AL1 a watch's events come in order; what a broken one had not shown yet is shown by none but the
 *     next watch.
 * AL2 a request reaches the server within `REQUEST_MAX_MS` of being made, or never. What a network
 *     delivers later than that is not simulated: no API without fencing is safe against it, and
 *     Kubernetes' is without.
 */
import { randomBelow, randomFraction } from "@sagong/base";
import {
  ApiError,
  type KubeObject,
  type ObjectKey,
  type ObjectList,
  type Resource,
  type WatchEvent,
} from "@sagong/orchestrator/api";
import type {
  DeleteOptions,
  ListOptions,
  ObjectClient,
  PatchOptions,
  RequestOptions,
  UpdateOptions,
  WatchOptions,
  WriteOptions,
} from "@sagong/orchestrator/client";
import type { World } from "../world/world.js";
import type { ApiServer, ApiServers } from "./api-servers.js";
import type { SimulatedProcess } from "./simulated-process.js";

export const REQUEST_MAX_MS = 500;
/** Until a connection that gives no answer is given up, as HTTP/2's pings do. */
const NO_ANSWER_MS = 4_000;
const AT_ONCE_MS = 50;

/** How a program's network is at present; the faults change it. */
export class LinkState {
  /** Of one way, at most. */
  delayMs = 5;
  /** What watches take longer, at most. No fault but how it is: it does not heal. */
  readonly watchDelayMs: number;
  loseRequestShare = 0;
  loseAnswerShare = 0;
  isCut = false;
  /** By resource, or "*": until when watches show nothing. */
  readonly heldUntilMs: Map<string, number> = new Map<string, number>();
  readonly watches: Set<() => void> = new Set<() => void>();

  constructor(watchDelayMs = 0) {
    this.watchDelayMs = watchDelayMs;
  }

  heal(): void {
    this.delayMs = 5;
    this.loseRequestShare = 0;
    this.loseAnswerShare = 0;
    this.isCut = false;
    this.heldUntilMs.clear();
  }

  breakWatches(): void {
    for (const end of this.watches) end();
  }
}

/** What the checker wants to know of programs: what they asked for, and what they could know. */
export interface LinkObserver {
  /** A write sets out. */
  asked(process: SimulatedProcess, verb: "create" | "change" | "delete", key: string): void;
  /** An object reaches the program by a watch; undefined: it is gone. */
  shown(process: SimulatedProcess, resource: string, object: KubeObject): void;
}

export interface ApiLinkOptions {
  readonly world: World;
  readonly process: SimulatedProcess;
  readonly servers: ApiServers;
  readonly state: LinkState;
  readonly observer: LinkObserver;
}

export class ApiLink implements ObjectClient {
  readonly #options: ApiLinkOptions;
  #server: ApiServer | undefined;

  constructor(options: ApiLinkOptions) {
    this.#options = options;
  }

  get<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options: RequestOptions = {},
  ): Promise<T> {
    return this.#call(options.signal, (client) => client.get(resource, key));
  }

  list<T extends KubeObject>(
    resource: Resource<T>,
    { signal, ...options }: ListOptions = {},
  ): Promise<ObjectList<T>> {
    return this.#call(signal, (client) => client.list(resource, options));
  }

  create<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    { signal, ...options }: WriteOptions = {},
  ): Promise<T> {
    const { name, ownerReferences } = object.metadata;
    this.#asked("create", resource, { name: name ?? ownerReferences?.[0]?.uid ?? "" });
    return this.#call(signal, (client) => client.create(resource, object, options));
  }

  update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    { signal, ...options }: UpdateOptions = {},
  ): Promise<T> {
    this.#asked("change", resource, { name: object.metadata.name ?? "" });
    return this.#call(signal, (client) => client.update(resource, object, options));
  }

  patch<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: unknown,
    { signal, ...options }: PatchOptions,
  ): Promise<T> {
    this.#asked("change", resource, key);
    return this.#call(signal, (client) => client.patch(resource, key, patch, options));
  }

  delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    { signal, ...options }: DeleteOptions = {},
  ): Promise<void> {
    this.#asked("delete", resource, key);
    return this.#call(signal, (client) => client.delete(resource, key, options));
  }

  createSubresource<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
    { signal, ...options }: WriteOptions = {},
  ): Promise<KubeObject> {
    return this.#call(signal, (client) =>
      client.createSubresource(resource, key, subresource, body, options),
    );
  }

  resources(options: RequestOptions = {}): Promise<readonly Resource[]> {
    return this.#call(options.signal, (client) => client.resources());
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    { signal, ...options }: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>> {
    if (signal?.aborted) return;
    const server = await this.#connected(signal);
    if (signal?.aborted) return;
    const watch = new LinkedWatch(resource, { ...this.#options, server });
    const stop = (): void => watch.end(undefined);
    signal?.addEventListener("abort", stop);
    watch.begin(options);
    try {
      for (;;) {
        const event = await watch.next();
        if (!event || signal?.aborted) return;
        yield event;
      }
    } finally {
      signal?.removeEventListener("abort", stop);
      watch.end(undefined);
    }
  }

  #asked(verb: "create" | "change" | "delete", resource: Resource, { name }: ObjectKey): void {
    const { observer, process } = this.#options;
    observer.asked(process, verb, `${resource.resource}/${name}`);
  }

  async #connected(signal: AbortSignal | undefined): Promise<ApiServer> {
    const server = this.#pick();
    await this.#pass(signal);
    if (!server?.isRunning || this.#options.state.isCut) throw unreachable();
    return server;
  }

  /** One way's time, in the process. */
  #pass(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal?.removeEventListener("abort", done);
        resolve();
      };
      this.#options.process.gate.after(this.#delayMs(), done);
      signal?.addEventListener("abort", done);
    });
  }

  /** The one that it was connected to last, as long as that runs. */
  #pick(): ApiServer | undefined {
    const { servers, process } = this.#options;
    if (!this.#server?.isRunning) this.#server = servers.pick(process.random);
    return this.#server;
  }

  #delayMs(): number {
    const { state, process } = this.#options;
    const least = process.gate.isDead ? 0 : 1;
    return Math.min(REQUEST_MAX_MS, least + randomBelow(process.random, state.delayMs));
  }

  #call<T>(
    signal: AbortSignal | undefined,
    perform: (client: ObjectClient) => Promise<T>,
  ): Promise<T> {
    const { world, process, state } = this.#options;
    if (signal?.aborted) return Promise.reject(signal.reason as Error); // Ours are Errors.
    const server = this.#pick();
    const { random } = process;
    return new Promise<T>((resolve, reject) => {
      const call = new PendingCall(this.#options, { server, signal, reject });
      if (!server?.isRunning) return call.fail(this.#delayMs(), unreachable());
      const isLost = state.isCut || randomFraction(random) < state.loseRequestShare;
      const isAnswerLost = randomFraction(random) < state.loseAnswerShare;
      const silenceMs = silenceOf(randomBelow(random, NO_ANSWER_MS));
      if (isLost) return call.fail(silenceMs, unanswered());
      const backMs = this.#delayMs();
      const back = (settle: () => void): void => {
        if (isAnswerLost || state.isCut) return call.fail(silenceMs, unanswered());
        if (server.isRunning) process.gate.after(backMs, () => call.settle(settle));
      };
      world.after(this.#delayMs(), () => {
        if (!server.isRunning) return; // Told by the connection's end.
        perform(server.client).then(
          (value) => back(() => resolve(value)),
          (error: unknown) => back(() => reject(error)),
        );
      });
    });
  }
}

/** A call under way: settled once, by its answer, its failure, its abort or its server's end. */
class PendingCall {
  readonly #process: SimulatedProcess;
  readonly #reject: (error: unknown) => void;
  readonly #leave: () => void;
  #isSettled = false;

  constructor(
    { process, world }: ApiLinkOptions,
    of: {
      readonly server: ApiServer | undefined;
      readonly signal: AbortSignal | undefined;
      readonly reject: (error: unknown) => void;
    },
  ) {
    this.#process = process;
    this.#reject = of.reject;
    const { signal, server } = of;
    const onAbort = (): void => this.settle(() => of.reject(signal?.reason));
    signal?.addEventListener("abort", onAbort);
    const onDown = (): void => world.defer(() => this.fail(0, unreachable()));
    const offDown = server?.onDown(onDown) ?? ((): void => {});
    this.#leave = (): void => {
      signal?.removeEventListener("abort", onAbort);
      offDown();
    };
  }

  settle(settle: () => void): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#leave();
    settle();
  }

  fail(afterMs: number, error: ApiError): void {
    this.#process.gate.after(afterMs, () => this.settle(() => this.#reject(error)));
  }
}

/** One watch: the server's side is read as it comes, and shown to the program when it arrives. */
class LinkedWatch<T extends KubeObject> {
  readonly #resource: Resource<T>;
  readonly #options: ApiLinkOptions & { readonly server: ApiServer };
  readonly #abort = new AbortController();
  #arrived: WatchEvent<T>[] = [];
  #wake: (() => void) | undefined;
  #lastMs = 0;
  #isOver = false;
  #error: unknown;
  #leave: () => void = () => {};

  constructor(resource: Resource<T>, options: ApiLinkOptions & { readonly server: ApiServer }) {
    this.#resource = resource;
    this.#options = options;
  }

  begin(options: Omit<WatchOptions, "signal">): void {
    const { server, state, process, world } = this.#options;
    const broken = (): void => {
      this.#abort.abort(new Error("the connection is broken"));
      world.defer(() => process.gate.enter(() => this.end(undefined)));
    };
    state.watches.add(broken);
    const offDown = server.onDown(broken);
    const offKill = process.onKill(() => this.#abort.abort(new Error("the client is dead")));
    this.#leave = (): void => {
      state.watches.delete(broken);
      offDown();
      offKill();
    };
    void this.#read(
      server.client.watch(this.#resource, { ...options, signal: this.#abort.signal }),
    );
  }

  /** Undefined at its end; rejects with what the server says of it. */
  async next(): Promise<WatchEvent<T> | undefined> {
    while (this.#arrived.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const event = this.#arrived.shift();
    if (!event && this.#error !== undefined) throw this.#error;
    return event;
  }

  end(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#leave();
    this.#abort.abort(new Error("the watch is over"));
    this.#wake?.();
  }

  async #read(events: AsyncIterable<WatchEvent<T>>): Promise<void> {
    try {
      for await (const event of events) {
        if (this.#abort.signal.aborted) return;
        this.#later(() => this.#show(event));
      }
      this.#later(() => this.end(undefined));
    } catch (error) {
      this.#later(() => this.end(error));
    }
  }

  /** After what is on its way already, and not while watches of this resource are held. */
  #later(arrive: () => void): void {
    const { world, state, process } = this.#options;
    const held = Math.max(
      state.heldUntilMs.get(this.#resource.resource) ?? 0,
      state.heldUntilMs.get("*") ?? 0,
    );
    const wayMs = 1 + randomBelow(process.random, state.delayMs + state.watchDelayMs);
    this.#lastMs = Math.max(this.#lastMs, held, world.nowMs + wayMs);
    process.gate.after(this.#lastMs - world.nowMs, () => {
      if (!this.#isOver && !this.#abort.signal.aborted) arrive();
    });
  }

  #show(event: WatchEvent<T>): void {
    const { observer, process } = this.#options;
    if (event.type === "ADDED" || event.type === "MODIFIED") {
      observer.shown(process, this.#resource.resource, event.object);
    }
    this.#arrived.push(event);
    this.#wake?.();
  }
}

/** Half of the broken connections are noticed at once. */
function silenceOf(ms: number): number {
  return ms < NO_ANSWER_MS / 2 ? ms % AT_ONCE_MS : ms;
}

/** As the gRPC client says it of a connection that is not there. */
function unreachable(): ApiError {
  return new ApiError("ServiceUnavailable", "Cannot reach the API server: the connection is gone");
}

function unanswered(): ApiError {
  return new ApiError("Timeout", "the API server gave no answer: whether it is done is not known");
}

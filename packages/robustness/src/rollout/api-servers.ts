/**
 * The API servers: each the real registry with its watch caches on a link to the one store, and the real
 * client of it. They come and go; who is connected to one that goes is told at once.
 */
import { silentLogger } from "@sagong/base";
import { InProcessClient, loadSchema, Registry } from "@sagong/orchestrator/parts";
import type { ObjectClient } from "@sagong/orchestrator/client";
import { type Random, randomBelow } from "@sagong/base";
import type { World } from "../world/world.js";
import { SimulatedProcess } from "./simulated-process.js";
import { StoreLink, type TrueStore } from "./true-store.js";

/** One run of one API server. */
export class ApiServer {
  readonly client: ObjectClient;
  readonly process: SimulatedProcess;
  readonly #registry: Registry;
  readonly #onDown = new Set<() => void>();

  constructor(process: SimulatedProcess, registry: Registry, client: ObjectClient) {
    this.process = process;
    this.#registry = registry;
    this.client = client;
  }

  get isRunning(): boolean {
    return this.process.isAlive;
  }

  onDown(listener: () => void): () => void {
    this.#onDown.add(listener);
    return () => this.#onDown.delete(listener);
  }

  kill(): void {
    this.process.kill();
    for (const listener of this.#onDown) listener();
    this.#onDown.clear();
  }

  /** SIGTERM: watches end in order. */
  async stop(): Promise<void> {
    await this.#registry.close();
    this.kill();
  }
}

export interface ApiServersOptions {
  readonly world: World;
  readonly store: TrueStore;
  readonly count: number;
  /** Largest time of one way between a server and the store. */
  readonly storeDelayMs: number;
}

export class ApiServers {
  readonly #options: ApiServersOptions;
  readonly #running: (ApiServer | undefined)[];
  readonly #heldUntilMs: number[];
  readonly #schema = loadSchema();

  constructor(options: ApiServersOptions) {
    this.#options = options;
    this.#running = Array.from({ length: options.count }, () => undefined);
    this.#heldUntilMs = Array.from({ length: options.count }, () => 0);
    for (let i = 0; i < options.count; i++) this.start(i);
  }

  /** One of those that run; undefined where none does. */
  pick(random: Random): ApiServer | undefined {
    const running = this.#running.filter((server) => server !== undefined);
    return running[randomBelow(random, Math.max(1, running.length))];
  }

  at(index: number): ApiServer | undefined {
    return this.#running[index];
  }

  start(index: number): void {
    if (this.#running[index]) return;
    const { world, store, storeDelayMs } = this.#options;
    const process = new SimulatedProcess(world, `apiserver-${index}`);
    const { clock, random } = process;
    const storage = new StoreLink({
      world,
      store,
      process,
      delayMs: () => (storeDelayMs === 0 ? 0 : randomBelow(random, storeDelayMs + 1)),
      heldUntilMs: () => this.#heldUntilMs[index] ?? 0,
    });
    const registry = new Registry({
      schema: this.#schema,
      storage,
      clock,
      random,
      logger: silentLogger,
      newUid: () => uid(random),
    });
    const client = new InProcessClient({ registry, schema: this.#schema, clock });
    const server = new ApiServer(process, registry, client);
    server.onDown(() => {
      this.#running[index] = undefined;
    });
    this.#running[index] = server;
  }

  /** Its watch caches see nothing new until then. */
  hold(index: number, untilMs: number): void {
    this.#heldUntilMs[index] = untilMs;
  }

  /** All run, and none is behind. */
  heal(): void {
    this.#heldUntilMs.fill(0);
    for (let i = 0; i < this.#running.length; i++) this.start(i);
  }
}

/** In the form of RFC 9562; from the seed, so that a run repeats. */
function uid(random: Random): string {
  const hex = Array.from({ length: 4 }, () => random.nextUint32().toString(16).padStart(8, "0"));
  const text = hex.join("");
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-4${text.slice(13, 16)}-a${text.slice(17, 20)}-${text.slice(20)}`;
}

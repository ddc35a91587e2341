/**
 * One of several instances works, by a Lease (client-go's leaderelection: 15 s, renewed each 2 s, given
 * up after 10 s without success). The lease's end is judged by our own clock from when we last saw
 * it change, never by the holder's.
 *
 *   waiting ──lease is free, ours, or unchanged for its duration──▶ leading
 *      ▲──── another holds it, or 10 s since the last renewal was begun ────┘
 *
 * L1 while one leads, no other does: who leads stops 5 s before anyone else may begin, whatever
 *    its calls to the server are doing meanwhile.
 * L2 `onStart` and `onStop` take turns, and each waits for the one before it.
 */
import { type Clock, delay, errorText, type Logger, TaskGroup, type Timer } from "@sagong/base";
import { isApiError } from "../api/api-status.js";
import type { Lease } from "../api/gen/coordination-v1.js";
import { LEASES } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";
import { microTimeText } from "../api/meta/time-text.js";

export interface LeaderElectorOptions {
  readonly name: string;
  readonly identity: string;
}

export interface LeaderElectorDependencies {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** May take long: the lease is renewed meanwhile. `signal` aborts when the lead is over. */
  readonly onStart: (signal: AbortSignal) => Promise<void>;
  readonly onStop: () => Promise<void>;
}

const NAMESPACE = "kube-system";
const LEASE_SECONDS = 15;
const RENEW_DEADLINE_MS = 10_000;
const RETRY_MS = 2_000;
/** While the API server is not up yet there is nothing to wait two seconds for. */
const FIRST_RETRY_MS = 100;
/** Giving the lease back is a courtesy: a server that is gone must not hold up our own end. */
const RELEASE_LIMIT_MS = 1_000;

export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #dependencies: LeaderElectorDependencies;
  readonly #tasks: TaskGroup;
  readonly #closing = new AbortController();
  /** Set while we lead; aborted at the end of the lead. */
  #lead: AbortController | undefined;
  /** The present lead or the last one: settles after its onStop. */
  #served: Promise<void> = Promise.resolve();
  #deadline: Timer | undefined;
  #mayHold = false;
  #seen: { readonly text: string; readonly atMs: number } = {
    text: "",
    atMs: Number.NEGATIVE_INFINITY,
  };

  constructor(options: LeaderElectorOptions, dependencies: LeaderElectorDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#tasks = new TaskGroup((error) =>
      dependencies.logger.error("leader election broke", { error: errorText(error) }),
    );
  }

  start(): void {
    this.#tasks.run("elect", () => this.#run());
  }

  /** Stops leading, then gives the lease back, so that the next one need not wait for its end. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("closed"));
    await this.#tasks.settled();
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#dependencies;
    const { signal } = this.#closing;
    let reached = false;
    while (!signal.aborted) {
      const begunMs = clock.monotonicMs();
      try {
        const holds = await this.#limited(RENEW_DEADLINE_MS, (limit) => this.#tryHold(limit));
        reached = true;
        if (holds) this.#renewed(begunMs);
        else this.#stopLeading();
      } catch (error) {
        logger.debug("lease was not renewed", { error: errorText(error) });
      }
      await delay(clock, reached ? RETRY_MS : FIRST_RETRY_MS, signal).catch(() => {});
    }
    this.#stopLeading();
    await this.#served;
    if (this.#mayHold) await this.#release();
  }

  /** The deadline counts from when the renewal was begun: others may have seen it that early. */
  #renewed(begunMs: number): void {
    if (this.#closing.signal.aborted) return;
    const { clock, logger } = this.#dependencies;
    const leftMs = begunMs + RENEW_DEADLINE_MS - clock.monotonicMs();
    this.#deadline?.cancel();
    if (leftMs <= 0) return this.#stopLeading();
    this.#deadline = clock.schedule(leftMs, () => {
      logger.warn("lease could not be renewed in time", { lease: this.#options.name });
      this.#stopLeading();
    });
    if (this.#lead) return;
    const lead = new AbortController();
    this.#lead = lead;
    const before = this.#served;
    this.#served = this.#serve(lead, before);
    this.#tasks.run("lead", () => this.#served);
  }

  #stopLeading(): void {
    this.#deadline?.cancel();
    this.#lead?.abort(new Error("no longer leading"));
    this.#lead = undefined;
  }

  async #serve(lead: AbortController, before: Promise<void>): Promise<void> {
    const { onStart, onStop, logger } = this.#dependencies;
    const { signal } = lead;
    await before;
    if (signal.aborted) return;
    logger.info("leads", { lease: this.#options.name, identity: this.#options.identity });
    const over = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    try {
      await onStart(signal);
      await over;
    } catch (error) {
      if (!signal.aborted) {
        logger.warn("what leads did not start, and is tried again", { error: errorText(error) });
        this.#stopLeading();
      }
    }
    await onStop();
  }

  /** Rejects after `limitMs` or at our close, also where the call does not listen to its signal. */
  async #limited<T>(limitMs: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const abort = new AbortController();
    const timer = this.#dependencies.clock.schedule(limitMs, () =>
      abort.abort(new Error(`no answer within ${limitMs} ms`)),
    );
    const onClose = (): void => abort.abort(new Error("closed"));
    const closing = this.#closing.signal;
    if (!closing.aborted) closing.addEventListener("abort", onClose);
    const aborted = new Promise<never>((_resolve, reject) => {
      abort.signal.addEventListener("abort", () => reject(abort.signal.reason as Error)); // Set above.
    });
    try {
      return await Promise.race([call(abort.signal), aborted]);
    } finally {
      timer.cancel();
      closing.removeEventListener("abort", onClose);
    }
  }

  /** True where the lease is ours now. Rejects where that is not known. */
  async #tryHold(signal: AbortSignal): Promise<boolean> {
    const { client, clock } = this.#dependencies;
    const { name, identity } = this.#options;
    const nowText = this.#nowText();
    const held = {
      holderIdentity: identity,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: nowText,
    };
    const lease = await this.#read(signal);
    if (!lease) {
      const spec = { ...held, acquireTime: nowText, leaseTransitions: 0 };
      const metadata = { namespace: NAMESPACE, name };
      this.#mayHold = true;
      await client.create(LEASES, { metadata, spec }, { signal });
      return true;
    }
    const { spec } = lease;
    const text = `${spec?.holderIdentity}/${spec?.renewTime}`;
    if (text !== this.#seen.text) this.#seen = { text, atMs: clock.monotonicMs() };
    const isOurs = spec?.holderIdentity === identity;
    const durationMs = (spec?.leaseDurationSeconds ?? LEASE_SECONDS) * 1000;
    const isOver = clock.monotonicMs() - this.#seen.atMs > durationMs;
    if (!isOurs && spec?.holderIdentity && !isOver) return false;
    const acquired = isOurs
      ? {}
      : { acquireTime: nowText, leaseTransitions: (spec?.leaseTransitions ?? 0) + 1 };
    this.#mayHold = true;
    // On the version that was judged: of two who find it free, one is refused, and looks again.
    await client.update(LEASES, { ...lease, spec: { ...spec, ...held, ...acquired } }, { signal });
    return true;
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    const { client } = this.#dependencies;
    try {
      const key = { namespace: NAMESPACE, name: this.#options.name };
      return await client.get(LEASES, key, { signal });
    } catch (error) {
      if (isApiError(error, "NotFound")) return undefined;
      throw error;
    }
  }

  /** As client-go's ReleaseOnCancel leaves it: held by nobody, for one second. */
  async #release(): Promise<void> {
    const { client, logger } = this.#dependencies;
    try {
      await this.#limited(RELEASE_LIMIT_MS, async (signal) => {
        const lease = await this.#read(signal);
        if (lease?.spec?.holderIdentity !== this.#options.identity) return;
        const renewTime = this.#nowText();
        const spec = { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime };
        await client.update(LEASES, { ...lease, spec }, { signal });
      });
    } catch (error) {
      logger.debug("lease was not given back, and will run out", { error: errorText(error) });
    }
  }

  #nowText(): string {
    return microTimeText(this.#dependencies.clock.wallMs());
  }
}

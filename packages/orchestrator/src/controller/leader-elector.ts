/**
 * One of several instances works, by a Lease (client-go's leaderelection: 15 s, renewed each 2 s, given
 * up after 10 s without success). The lease's end is judged by our own clock from when we last saw
 * it change, never by the holder's.
 */
import { type Clock, delay, errorText, type Logger, TaskGroup } from "@sagong/base";
import { isApiError } from "../api/api-status.js";
import type { Lease } from "../api/gen/coordination-v1.js";
import { LEASES } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";

export interface LeaderElectorOptions {
  readonly name: string;
  readonly identity: string;
}

export interface LeaderElectorDependencies {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onStart: () => Promise<void>;
  readonly onStop: () => Promise<void>;
}

const NAMESPACE = "kube-system";
const LEASE_SECONDS = 15;
const RENEW_DEADLINE_MS = 10_000;
const RETRY_MS = 2_000;
/** While the API server is not up yet there is nothing to wait two seconds for. */
const FIRST_RETRY_MS = 100;

export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #dependencies: LeaderElectorDependencies;
  readonly #tasks: TaskGroup;
  readonly #closing = new AbortController();
  #leads = false;
  #renewedMs = 0;
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

  async close(): Promise<void> {
    this.#closing.abort(new Error("closed"));
    await this.#tasks.settled();
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#dependencies;
    const { signal } = this.#closing;
    let reached = false;
    while (!signal.aborted) {
      try {
        const holds = await this.#tryHold();
        reached = true;
        if (holds) this.#renewedMs = clock.monotonicMs();
        if (holds && !this.#leads) {
          this.#leads = true;
          logger.info("leads", { lease: this.#options.name, identity: this.#options.identity });
          await this.#dependencies.onStart();
        }
        if (!holds) await this.#stopLeading();
      } catch (error) {
        logger.debug("lease was not renewed", { error: errorText(error) });
        if (clock.monotonicMs() - this.#renewedMs > RENEW_DEADLINE_MS) await this.#stopLeading();
      }
      await delay(clock, reached ? RETRY_MS : FIRST_RETRY_MS, signal).catch(() => {});
    }
    await this.#stopLeading();
  }

  async #stopLeading(): Promise<void> {
    if (!this.#leads) return;
    this.#leads = false;
    await this.#dependencies.onStop();
  }

  /** True where the lease is ours now. */
  async #tryHold(): Promise<boolean> {
    const { client, clock } = this.#dependencies;
    const { name, identity } = this.#options;
    const key = { namespace: NAMESPACE, name };
    const nowText = new Date(clock.wallMs()).toISOString().replace("Z", "000Z");
    const held = {
      holderIdentity: identity,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: nowText,
    };
    let lease: Lease;
    try {
      lease = await client.get(LEASES, key);
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
      await client.create(LEASES, {
        metadata: key,
        spec: { ...held, acquireTime: nowText, leaseTransitions: 0 },
      });
      return true;
    }
    const { spec } = lease;
    const text = `${spec?.holderIdentity}/${spec?.renewTime}`;
    if (text !== this.#seen.text) this.#seen = { text, atMs: clock.monotonicMs() };
    const isOurs = spec?.holderIdentity === identity;
    const isOver = clock.monotonicMs() - this.#seen.atMs > LEASE_SECONDS * 1000;
    if (!isOurs && spec?.holderIdentity && !isOver) return false;
    const acquired = isOurs
      ? {}
      : { acquireTime: nowText, leaseTransitions: (spec?.leaseTransitions ?? 0) + 1 };
    try {
      await client.update(LEASES, { ...lease, spec: { ...spec, ...held, ...acquired } });
      return true;
    } catch (error) {
      if (isApiError(error, "Conflict")) return false;
      throw error;
    }
  }
}

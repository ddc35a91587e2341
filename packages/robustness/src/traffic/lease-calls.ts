/** What owners of leases ask, recorded. Outcomes that say nothing are just that: undefined. */
import {
  LeaseGrantRequest,
  LeaseKeepAliveRequest,
  LeaseLeasesRequest,
  LeaseRevokeRequest,
  LeaseService,
  LeaseTimeToLiveRequest,
} from "@sagong/kv/testing";
import { RpcError } from "@sagong/rpc";
import { randomId } from "@sagong/base";
import type { RecordedLease } from "../history/recording.js";
import { TrafficClient } from "./traffic-client.js";
import type { TrafficRun } from "./traffic-run.js";

const { leaseGrant, leaseKeepAlive, leaseLeases, leaseRevoke, leaseTimeToLive } =
  LeaseService.methods;
const MS_PER_SECOND = 1_000;

/** Shorter than the shortest lease, so that a renewal can be tried elsewhere. */
const RENEWAL_TIMEOUT_MS = 1_000;
const LEASES_LOOK_MS = 500;

export class OwnedLease {
  readonly id: bigint;
  readonly record: RecordedLease;
  readonly #client: TrafficClient;
  #ttlMs: number;

  constructor(client: TrafficClient, { ttlSeconds }: { readonly ttlSeconds: number }) {
    this.#client = client;
    this.id = randomId(client.random);
    this.#ttlMs = ttlSeconds * MS_PER_SECOND;
    const { recorder } = client.run;
    this.record = recorder.lease({ client: client.name, id: this.id, ttlMs: this.#ttlMs });
  }

  get ttlMs(): number {
    return this.#ttlMs;
  }

  /** False where it is not known to be there. Asked once: a second time would be another grant. */
  async grant(): Promise<boolean> {
    const request = LeaseGrantRequest.create({ id: this.id, ttl: this.#ttlMs / MS_PER_SECOND });
    const client = this.#client;
    const answer = await asked(client, () =>
      client.channel().unary(leaseGrant, request, { timeoutMs: client.timeoutMs() }),
    );
    if (!answer) return false;
    this.#ttlMs = answer.ttl * MS_PER_SECOND;
    this.record.granted({ ttlMs: this.#ttlMs });
    return true;
  }

  /** Once. "gone" only where the store says so. */
  async renew(): Promise<"renewed" | "gone" | "unknown"> {
    const answered = this.record.renew();
    const answer = await asked(this.#client, async () => {
      const call = this.#client.channel().duplex(leaseKeepAlive, { timeoutMs: RENEWAL_TIMEOUT_MS });
      await call.send(LeaseKeepAliveRequest.create({ id: this.id }));
      call.end();
      for await (const response of call.responses) return response;
      return undefined;
    });
    if (!answer) return "unknown";
    answered({ ttlMs: Math.max(0, answer.ttl) * MS_PER_SECOND });
    return answer.ttl > 0 ? "renewed" : "gone";
  }

  /** Renews three times in each life of the lease (clientv3's rate) until `untilMs`, or it is gone. */
  async keepAlive(untilMs: number): Promise<"kept" | "gone"> {
    const { run } = this.#client;
    while (run.nowMs < untilMs && !run.isStopping) {
      const renewed = await this.renew();
      if (renewed === "gone") return "gone";
      // Where nothing is known, soon: the lease runs.
      const pauseMs = renewed === "renewed" ? this.#ttlMs / 3 : this.#ttlMs / 10;
      await run.sleep(Math.min(pauseMs, Math.max(0, untilMs - run.nowMs)));
    }
    return "kept";
  }

  async revoke(): Promise<void> {
    const client = this.#client;
    const acknowledged = this.record.revoke();
    const request = LeaseRevokeRequest.create({ id: this.id });
    const answer = await asked(client, () =>
      client.channel().unary(leaseRevoke, request, { timeoutMs: client.timeoutMs() }),
    );
    if (answer) acknowledged();
  }

  /** Asks for what is left of it: after a change of leader that may be more than was granted (etcd's). */
  async askTimeToLive(): Promise<void> {
    const client = this.#client;
    const request = LeaseTimeToLiveRequest.create({ id: this.id, keys: true });
    await asked(client, () =>
      client.channel().unary(leaseTimeToLive, request, { timeoutMs: client.timeoutMs() }),
    );
  }
}

/**
 * Whether all leases have come to their ends within so long; nobody may renew one any more. Members
 * answer for themselves (etcd's LeaseLeases), and one that a fault has damaged may never know: each is
 * asked in turn, and the first that has none is believed.
 */
export async function awaitNoLeases(run: TrafficRun, withinMs: number): Promise<boolean> {
  const client = new TrafficClient("bailiff", run);
  const untilMs = run.nowMs + withinMs;
  const request = LeaseLeasesRequest.create();
  for (;;) {
    const answer = await asked(client, () =>
      client.channel().unary(leaseLeases, request, { timeoutMs: client.timeoutMs() }),
    );
    const isDone = answer?.leases.length === 0;
    if (isDone || run.nowMs >= untilMs) {
      await client.close();
      return isDone;
    }
    client.leave();
    await run.sleep(LEASES_LOOK_MS);
  }
}

/** Undefined where no answer came, or a refusal; then the client goes to another member. */
async function asked<T>(client: TrafficClient, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    client.leave();
    return undefined;
  }
}

/**
 * Owners of leases, each at one member: a lease is granted, a key attached, the lease renewed for a
 * while; then it is revoked, or left to die. What the store said of it all is written down; when the
 * keys went is in the observers' events.
 */
import { type Random, randomBelow, randomId, seededRandom } from "@sagong/base";
import {
  LeaseGrantRequest,
  LeaseKeepAliveRequest,
  LeaseRevokeRequest,
  LeaseService,
} from "@sagong/kv/testing";
import type { HistoryRecorder, RecordedLease } from "@sagong/robustness";
import { type Channel, RpcError } from "@sagong/rpc";
import type { ChaosCluster } from "../cluster.js";
import type { ChaosMember } from "../member.js";
import { PREFIX } from "./choose-request.js";
import { interruptibleWait } from "./interruptible-wait.js";

const TTL_SECONDS = 5;
const RENEWALS_MAX = 5;
const CALL_TIMEOUT_MS = 2_000;
const { leaseGrant, leaseKeepAlive, leaseRevoke } = LeaseService.methods;

export interface LeaseClientOptions {
  readonly seed: number;
  readonly cluster: ChaosCluster;
  readonly member: ChaosMember;
  readonly recorder: HistoryRecorder;
}

export class LeaseClient {
  readonly #options: LeaseClientOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: LeaseClientOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { seed, cluster, member } = this.#options;
    const random = seededRandom(seed);
    const channel = cluster.channel(member);
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#live(channel, random);
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
      }
      await this.#wait(500);
    }
    await channel.close();
  }

  /** One lease from its grant to its end; rejects with `RpcError` where the store did not answer. */
  async #live(channel: Channel, random: Random): Promise<void> {
    const { member, recorder } = this.#options;
    const client = `lessee-${member.name}`;
    const id = randomId(random);
    const lease = recorder.lease({ client, id, ttlMs: TTL_SECONDS * 1000 });
    const options = { timeoutMs: CALL_TIMEOUT_MS };
    const grant = LeaseGrantRequest.create({ id, ttl: TTL_SECONDS });
    const granted = await channel.unary(leaseGrant, grant, options);
    lease.granted({ ttlMs: granted.ttl * 1000 });
    const key = `${PREFIX}lease/${id}`;
    const put = { kind: "put", key, value: `lease-${id}`, lease: id.toString() } as const;
    const outcome = await recorder.perform({ client, member: member.name, channel }, put, options);
    if (outcome.kind === "answered") lease.attached(key);
    const renewals = randomBelow(random, RENEWALS_MAX);
    for (let i = 0; i < renewals; i++) {
      await this.#wait((TTL_SECONDS * 1000) / 3);
      if (this.#stopping.signal.aborted) return;
      if (!(await renew(channel, lease, id))) return;
    }
    if (randomBelow(random, 2) === 0) return;
    const revoked = lease.revoke();
    await channel.unary(leaseRevoke, LeaseRevokeRequest.create({ id }), options);
    revoked();
  }

  async #wait(ms: number): Promise<void> {
    await interruptibleWait(ms, this.#stopping.signal);
  }
}

/** Whether it lives. */
async function renew(channel: Channel, lease: RecordedLease, id: bigint): Promise<boolean> {
  const call = channel.duplex(leaseKeepAlive, { timeoutMs: CALL_TIMEOUT_MS });
  const answered = lease.renew();
  try {
    await call.send(LeaseKeepAliveRequest.create({ id }));
    for await (const { ttl } of call.responses) {
      answered({ ttlMs: ttl * 1000 });
      return ttl > 0;
    }
    return false;
  } finally {
    call.cancel();
  }
}

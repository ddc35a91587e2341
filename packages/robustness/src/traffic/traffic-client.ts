/**
 * One client: a name, a stream of chance, and the member that it talks to, which it leaves when that
 * does not answer, and sometimes without a reason.
 */
import type { Random } from "@sagong/base";
import type { Channel } from "@sagong/rpc";
import type { KvRequest, Outcome } from "../history/history.js";
import type { Asking } from "../history/recording.js";
import { arrivalMs, happens, oneOf } from "./dice.js";
import type { TrafficRun } from "./traffic-run.js";

/** More than a member's own limit (5 s and two election timeouts), so that it may say why. */
const PATIENT_TIMEOUT_MS = 9_000;
/** Less than an election takes. */
const HASTY_TIMEOUT_MS = 800;
const HASTY_SHARE = 0.15;
const WANDER_SHARE = 0.05;
/** How long it may take until a client that pauses notices that the run is stopping. */
const PAUSE_STEP_MS = 2_000;

export class TrafficClient {
  readonly name: string;
  readonly random: Random;
  readonly run: TrafficRun;
  readonly #channels = new Map<string, Channel>();
  #member: string;

  constructor(name: string, run: TrafficRun) {
    this.name = name;
    this.run = run;
    run.clientNames.add(name);
    this.random = run.surroundings.chance(`client ${name}`);
    this.#member = oneOf(this.random, run.surroundings.members);
  }

  get member(): string {
    return this.#member;
  }

  get asking(): Asking {
    return { client: this.name, member: this.#member };
  }

  channel(member: string = this.#member): Channel {
    const known = this.#channels.get(member);
    if (known) return known;
    const channel = this.run.surroundings.connect(this.name, member);
    this.#channels.set(member, channel);
    return channel;
  }

  /** To another member, where there is one. */
  leave(): void {
    const others = this.run.surroundings.members.filter((member) => member !== this.#member);
    if (others.length > 0) this.#member = oneOf(this.random, others);
  }

  /** Sends `request` to the present member, and records it. */
  async perform(request: KvRequest): Promise<Outcome> {
    const { recorder } = this.run;
    const timeoutMs = this.timeoutMs();
    const asking = { client: this.name, member: this.#member, channel: this.channel() };
    const outcome = await recorder.perform(asking, request, { timeoutMs });
    if (outcome.kind === "answered") this.run.learn(outcome.response);
    if (outcome.kind === "unknown" || happens(this.random, WANDER_SHARE)) this.leave();
    return outcome;
  }

  timeoutMs(): number {
    return happens(this.random, HASTY_SHARE) ? HASTY_TIMEOUT_MS : PATIENT_TIMEOUT_MS;
  }

  /** Around `meanMs`; shorter where the run is stopping. */
  async pause(meanMs: number): Promise<void> {
    const { run } = this;
    const untilMs = run.nowMs + arrivalMs(this.random, meanMs);
    while (run.nowMs < untilMs && !run.isStopping) {
      await run.sleep(Math.min(PAUSE_STEP_MS, untilMs - run.nowMs));
    }
  }

  /** Between two things that it does on its own account: also while all clients are quiet. */
  async rest(meanMs: number): Promise<void> {
    await this.pause(meanMs);
    const { quietMs } = this.run;
    if (quietMs === 0) return;
    await this.run.sleep(quietMs);
    // Not all in the same moment.
    await this.pause(meanMs);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#channels.values()].map((channel) => channel.close()));
  }
}

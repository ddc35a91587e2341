/**
 * One direction between two nodes: how long what is sent takes, whether it is lost, and what waits
 * because nothing gets through. What a connection sends while the link is cut is sent again when it
 * is healed, as TCP does; what that means to the connection is the connection's.
 */
import { type Random, randomFraction } from "@sagong/base";
import type { World } from "../world/world.js";
import type { LinkState } from "./simulated-network.js";

/** A local network that nothing is wrong with. */
export const GOOD_LINK: LinkState = {
  delayMs: [0.1, 0.4],
  dropShare: 0,
  duplicateShare: 0,
  reorderShare: 0,
  bytesPerSecond: undefined,
};
/** Linux sends a lost segment again after 200 ms at the least. */
const RESEND_MS = 200;
/** A message that is overtaken comes so many times its delay later. */
const OVERTAKEN_DELAYS = 4;

export class Link {
  readonly from: string;
  readonly to: string;
  state: LinkState = GOOD_LINK;
  readonly #world: World;
  readonly #random: Random;
  #isBlocked = false;
  #held: (() => void)[] = [];
  /** When what was sent before has left, where bytes take their time. */
  #freeAtMs = 0;

  constructor(world: World, from: string, to: string) {
    this.#world = world;
    this.#random = world.chance(`link ${from} to ${to}`);
    this.from = from;
    this.to = to;
  }

  /** Nothing gets through: it is cut, or the machine at its end is off. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  block(): void {
    this.#isBlocked = true;
  }

  /** Sends again, in order, what was held. */
  unblock(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    const held = this.#held;
    this.#held = [];
    for (const send of held) send();
  }

  /** `send` is called when the link is unblocked. */
  hold(send: () => void): void {
    this.#held.push(send);
  }

  /** Milliseconds that so many bytes take which leave now, those sent again included. */
  delayMs(bytes: number): number {
    const { delayMs, bytesPerSecond, dropShare } = this.state;
    const [min, max] = delayMs;
    let delay = min + (max - min) * randomFraction(this.#random);
    if (bytesPerSecond !== undefined) {
      const { nowMs } = this.#world;
      this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + (bytes * 1_000) / bytesPerSecond;
      delay += this.#freeAtMs - nowMs;
    }
    if (dropShare > 0 && dropShare < 1) while (this.#strikes(dropShare)) delay += RESEND_MS;
    return delay;
  }

  /** What becomes of a message that may be lost: the delays of its copies; none, and it is. */
  fateOfMessage(
    bytes: number,
  ): readonly { readonly delayMs: number; readonly isOrdered: boolean }[] {
    const { dropShare, duplicateShare, reorderShare, delayMs } = this.state;
    if (this.#strikes(dropShare)) return [];
    const copies = this.#strikes(duplicateShare) ? 2 : 1;
    return Array.from({ length: copies }, () => {
      const isOrdered = !this.#strikes(reorderShare);
      const late = isOrdered ? 0 : randomFraction(this.#random) * OVERTAKEN_DELAYS * delayMs[1];
      return { delayMs: this.delayMs(bytes) + late, isOrdered };
    });
  }

  get isLossy(): boolean {
    const { dropShare, duplicateShare, reorderShare } = this.state;
    return dropShare > 0 || duplicateShare > 0 || reorderShare > 0;
  }

  #strikes(share: number): boolean {
    return share > 0 && randomFraction(this.#random) < share;
  }
}

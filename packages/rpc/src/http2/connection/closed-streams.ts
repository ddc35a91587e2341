/**
 * How the latest streams ended, in a few kilobytes: what a frame means that comes on a closed
 * stream depends on it (RFC 9113 §5.1, "closed"). A slot serves all streams whose numbers agree in
 * their low bits, and the latest of them has it.
 */

/** Slots a connection: frames are in flight for a round trip, not for a thousand streams. */
const SLOTS = 1_024;
const BY_US = 0x80000000;

export class ClosedStreams {
  readonly #slots = new Uint32Array(SLOTS);

  /** `reset`: by us, so that frames sent before the peer knew may still come. */
  remember(streamId: number, how: "ended" | "reset"): void {
    this.#slots[slotOf(streamId)] = how === "reset" ? (streamId | BY_US) >>> 0 : streamId;
  }

  /** Undefined where the stream was never open, or ended long ago. */
  recall(streamId: number): "ended" | "reset" | undefined {
    const slot = this.#slots[slotOf(streamId)];
    if (slot === streamId) return "ended";
    return slot === (streamId | BY_US) >>> 0 ? "reset" : undefined;
  }
}

/** Clients' streams have odd numbers. */
function slotOf(streamId: number): number {
  return (streamId >>> 1) & (SLOTS - 1);
}

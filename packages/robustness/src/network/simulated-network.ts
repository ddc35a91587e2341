/**
 * The network between members and clients, as faults see it: directed links between named nodes. A
 * link that nobody has set is a good one of a local network.
 */

/** What one direction of a link does to what is sent over it. Shares are from 0 to 1. */
export interface LinkState {
  /** Least and most, evenly distributed. */
  readonly delayMs: readonly [min: number, max: number];
  /** Messages of raft are lost; what goes over a connection is sent again, and is late by it. */
  readonly dropShare: number;
  /** Messages of raft arrive twice; a connection knows its duplicates. */
  readonly duplicateShare: number;
  /** Messages of raft that may overtake, or be overtaken by, what was sent before and after. */
  readonly reorderShare: number;
  /** Undefined: without limit. */
  readonly bytesPerSecond: number | undefined;
}

export interface SimulatedNetwork {
  /**
   * Packets from `from` to `to` (names of members or clients, or "*" for all others) vanish, until
   * healed. Nobody is told: calls hang until their timeouts or the death of their connection.
   */
  cut(from: string, to: string): void;
  /** Ends this cut, or all cuts, and sets links back. */
  heal(): void;
  mend(from: string, to: string): void;
  isCut(from: string, to: string): boolean;
  /** Of one direction; what is left out stays as it is. */
  setLink(from: string, to: string, state: Partial<LinkState>): void;
  resetLink(from: string, to: string): void;
  /** Ends the connections between the two, both ways, with a reset that both notice. */
  breakConnections(a: string, b: string): void;
}

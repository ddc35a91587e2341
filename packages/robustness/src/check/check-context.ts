/** What the judges are told beside the history. All of it is optional: less is known without it. */
import type { KvPair } from "../history/history.js";
import type { LeaseBounds } from "./lease-bounds.js";
import type { StoreEvent } from "./model/versioned-store.js";

export interface CheckContext {
  /**
   * The events of each revision as an observer inside of the store saw them being applied. Without it
   * they are put together from answers and from watches over all keys.
   */
  readonly events?: ReadonlyMap<number, readonly StoreEvent[]>;
  /**
   * True where it is no fault of the run that some revision's events were seen by nobody. What they
   * may have touched is then not judged; else each such revision is a violation of its own.
   */
  readonly toleratesGaps?: boolean;
  /** The store compacts without being asked: being refused as compacted needs no request then. */
  readonly compactsItself?: boolean;
  /** Left out: how long leases live is not judged, and so locks are not. */
  readonly leaseBounds?: LeaseBounds;
  /** What members held when all was over. */
  readonly finalStates?: readonly FinalState[];
}

export interface FinalState {
  readonly member: string;
  readonly revision: number;
  /** All pairs, in order of keys. */
  readonly kvs: readonly KvPair[];
}

/** What the parts of a node (images, compaction) see of it. */
import type { TaskGroup } from "@sagong/base";
import type { RawNode } from "../core/raw-node.js";
import type { LogDisk } from "./log-disk.js";
import type { PendingApplies } from "./pending-applies.js";
import type { RaftNodeDependencies, RaftNodeOptions } from "./raft-node-options.js";

export interface MemberHost {
  readonly options: RaftNodeOptions;
  readonly dependencies: RaftNodeDependencies;
  readonly raw: RawNode;
  readonly disk: LogDisk;
  readonly applies: PendingApplies;
  readonly tasks: TaskGroup;
  readonly isStopped: boolean;
  /** Aborted when the member stops. */
  readonly closing: AbortSignal;
  /** Asks for a pass in the next turn. */
  wake(): void;
  /** Runs it; a throw stops the member. */
  guard(action: () => void): void;
  fatal(error: unknown): void;
}

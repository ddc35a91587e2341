/** One member of a scenario: the pure core, a disk that forgets what was not written, and what it applied. */
import { seededRandom } from "@sagong/base";
import { RAFT_DEFAULTS, type RaftConfig } from "../../src/core/config.js";
import { describeEntry } from "../../src/core/describe.js";
import type { ReadAnswer } from "../../src/core/leader-reads.js";
import type { Message } from "../../src/core/message.js";
import { RawNode } from "../../src/core/raw-node.js";
import type { Ready } from "../../src/core/ready.js";
import type {
  Entry,
  HardState,
  LogIndex,
  NodeId,
  SnapshotMetadata,
  Term,
} from "../../src/core/types.js";

/** What lies on a member's disk before a scenario begins. */
export interface StoredState {
  /** Of each entry behind the compacted ones, its term. */
  readonly terms?: readonly Term[];
  readonly term?: Term;
  readonly vote?: NodeId;
  readonly commit?: LogIndex;
  readonly compacted?: { readonly index: LogIndex; readonly term: Term };
}

export class ScenarioMember {
  readonly config: RaftConfig;
  node: RawNode;
  isDown = false;
  #hardState: HardState;
  #snapshot: SnapshotMetadata;
  #log: Entry[];
  #writing: Ready | undefined;

  constructor(
    config: Pick<RaftConfig, "nodeId" | "voters"> & Partial<RaftConfig>,
    stored: StoredState = {},
  ) {
    const { terms = [], compacted = { index: 0, term: 0 }, vote } = stored;
    this.config = { ...RAFT_DEFAULTS, random: seededRandom(1), ...config };
    this.#snapshot = { ...compacted, confState: { voters: config.voters } };
    this.#hardState = {
      term: stored.term ?? Math.max(compacted.term, terms.at(-1) ?? 0),
      vote,
      commit: Math.max(stored.commit ?? 0, compacted.index),
    };
    this.#log = terms.map((term, i) => entryOf(compacted.index + i + 1, term));
    this.node = this.#open();
  }

  /** Role, term and known leader, as one line. */
  get role(): string {
    const { role, term, leader } = this.node.status;
    return `${role} t${term} leader=${leader ?? "none"}`;
  }

  /** What is in memory; behind the bar what is not on disk yet. */
  get log(): string {
    const { log } = this.node.raft;
    const { snapshot, stable, lastIndex } = log;
    const part = (after: LogIndex, upTo: LogIndex): string =>
      log.range(after, upTo).map(describeEntry).join(" ");
    const compacted = snapshot.index === 0 ? "" : `(${snapshot.index}@${snapshot.term})`;
    const unwritten = lastIndex > stable ? `| ${part(stable, lastIndex)}` : "";
    const parts = [compacted, part(snapshot.index, stable), unwritten];
    return parts.filter((text) => text !== "").join(" ") || "empty";
  }

  get onDisk(): string {
    const { term, vote } = this.#hardState;
    const snapshot = this.#snapshot;
    const head = snapshot.index === 0 ? [] : [`(${snapshot.index}@${snapshot.term})`];
    return [`t${term}`, `vote=${vote ?? "none"}`, ...head, ...this.#log.map(describeEntry)].join(
      " ",
    );
  }

  /** What is not on disk is gone; also what the state machine held behind the last image. */
  crash(): void {
    this.isDown = true;
    this.#writing = undefined;
  }

  start(): void {
    this.isDown = false;
    this.node = this.#open();
  }

  /** Takes what is to be written; until `endWrite` it is not on disk, and what depends on it waits. */
  beginWrite(): Ready {
    this.#writing = this.node.ready();
    return this.#writing;
  }

  /** It is on disk: what waited for it may leave. */
  endWrite(): readonly Message[] {
    const ready = this.#writing;
    if (ready === undefined) throw new Error("nothing is being written");
    this.#writing = undefined;
    const { entries, hardState, mustSync, afterPersist } = ready;
    const [first] = entries;
    if (first) this.#log.splice(first.index - this.#snapshot.index - 1, Infinity, ...entries);
    if (hardState && mustSync) this.#hardState = hardState;
    this.node.advance();
    return afterPersist;
  }

  get isWriting(): boolean {
    return this.#writing !== undefined;
  }

  takeReads(): readonly ReadAnswer[] {
    return this.node.takeReads();
  }

  /** The state machine's image at `index` is on disk, and the log forgets what it covers (§7). */
  compact(index: LogIndex): void {
    const { log } = this.node.raft;
    log.compact(index);
    const { snapshot } = log;
    this.#log = this.#log.filter((entry) => entry.index > snapshot.index);
    this.#snapshot = { ...this.#snapshot, index: snapshot.index, term: snapshot.term };
  }

  /** An image has come, whole: what the owner of the core does with it (node/image-traffic.ts). */
  takeImage(metadata: SnapshotMetadata, from: NodeId): "old" | "known" | "installed" {
    const isNeeded = this.node.needsImage(metadata);
    const isOld = metadata.index <= this.node.status.committed;
    if (isNeeded) {
      this.#log = [];
      this.#snapshot = metadata;
      const { term, vote } = this.node.raft;
      this.#hardState = { term, vote, commit: metadata.index };
    }
    this.node.restored(metadata, from);
    return isNeeded ? "installed" : isOld ? "old" : "known";
  }

  #open(): RawNode {
    return new RawNode(this.config, {
      hardState: this.#hardState,
      snapshot: this.#snapshot,
      entries: [...this.#log],
      applied: this.#snapshot.index,
    });
  }
}

export function entryOf(index: LogIndex, term: Term): Entry {
  return { index, term, kind: "normal", data: Uint8Array.of(index) };
}

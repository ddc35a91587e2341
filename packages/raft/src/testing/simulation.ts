/**
 * A group of RawNodes on one seed: a network that drops, repeats, reorders, delays and splits, and
 * disks that lose what was not yet synced when their member crashes. Members compact their logs, and
 * send images to those who need what is compacted; a crash may come between an image and its mark in
 * the log, and it takes what the state machine has not flushed.
 *
 * Verified after every step: election safety (one leader a term), log matching, state machine
 * safety (same entry at the same index everywhere), leader completeness (no applied entry missing
 * in a later leader's log), no acknowledged entry lost, reads that never go back.
 * Not verified here: the file formats, real time.
 */
import { assert, type Random, randomBelow, seededRandom } from "@sagong/base";
import { RAFT_DEFAULTS } from "../core/config.js";
import { ProposalRefusedError, ReadIndexRefusedError } from "../core/errors.js";
import type { Message } from "../core/message.js";
import { RawNode } from "../core/raw-node.js";
import type { Ready } from "../core/ready.js";
import type { SparingLimits } from "../core/sparing.js";
import type { Entry, HardState, NodeId } from "../core/types.js";
import { overlay } from "../storage/log-storage.js";

export interface SimulationOptions {
  readonly seed: number;
  readonly members: number;
  readonly steps: number;
}

export interface SimulationReport {
  readonly elections: number;
  readonly crashes: number;
  readonly committed: number;
  readonly confirmedReads: number;
  readonly compactions: number;
  readonly images: number;
}

interface Member {
  readonly id: NodeId;
  node: RawNode | undefined;
  /** What a restart finds. */
  hardState: HardState;
  snapshot: { readonly index: number; readonly term: number };
  /** Those after the snapshot. */
  log: Entry[];
  /** A batch on its way to the disk. */
  writing: Ready | undefined;
  /** The state machine. */
  applied: Entry[];
  /** So many of these are flushed: a crash takes others, from the end on. */
  flushed: number;
}

interface Read {
  readonly member: NodeId;
  /** Entries that were acknowledged before the read began: it must see them all. */
  readonly atLeast: number;
}

const EMPTY: HardState = { term: 0, vote: undefined, commit: 0 };
const NO_SNAPSHOT = { index: 0, term: 0 };

export function simulate(options: SimulationOptions): SimulationReport {
  const simulation = new Simulation(options);
  for (let i = 0; i < options.steps; i++) simulation.step();
  simulation.heal();
  return simulation.report;
}

class Simulation {
  readonly #random: Random;
  /** In every other run followers are spared wherever that may be. */
  readonly #sparing: SparingLimits;
  readonly #members: Member[];
  readonly #network: Message[] = [];
  /** Images that members have been asked to send: streams of their own, whose end is noticed. */
  readonly #images: Message[] = [];
  readonly #cut = new Set<string>();
  readonly #leaders = new Map<number, NodeId>();
  /** The one history that every member applies a prefix of. */
  readonly #history: Entry[] = [];
  readonly #reads = new Map<number, Read>();
  #isHealed = false;
  #nextRead = 0;
  #nextValue = 0;
  report = {
    elections: 0,
    crashes: 0,
    committed: 0,
    confirmedReads: 0,
    compactions: 0,
    images: 0,
  };

  constructor({ seed, members }: SimulationOptions) {
    this.#random = seededRandom(seed);
    this.#sparing =
      seed % 2 === 0
        ? RAFT_DEFAULTS.sparing
        : { ...RAFT_DEFAULTS.sparing, appendsATick: 0, heldEntriesMax: 1 + (seed % 7) };
    const ids = Array.from({ length: members }, (_, i) => BigInt(i + 1));
    this.#members = ids.map((id) => ({
      id,
      node: undefined,
      hardState: EMPTY,
      snapshot: NO_SNAPSHOT,
      log: [],
      writing: undefined,
      applied: [],
      flushed: 0,
    }));
    for (const member of this.#members) this.#start(member);
  }

  step(): void {
    const member = this.#pick(this.#members);
    const dice = randomBelow(this.#random, 1000);
    if (dice < 40) member.node?.raft.releaseHeldEntries();
    else if (dice < 250) member.node?.tick();
    else if (dice < 700) this.#deliver();
    else if (dice < 850) this.#disk(member);
    else if (dice < 930) this.#propose(member);
    else if (dice < 975) this.#read(member);
    else if (dice < 985) this.#toggleCut();
    else if (dice < 987) this.#crash(member);
    else if (dice < 991) this.#start(member);
    else if (dice < 997) this.#compact(member);
    else if (dice < 999) member.node?.raft.transferLeadership(this.#pick(this.#members).id);
    // A connection broke, or only seemed to: of the leader it makes a suspect.
    else member.node?.raft.reportUnreachable(this.#pick(this.#members).id);
    this.#settle();
  }

  /** Faults end: the group must elect a leader and commit a new entry in bounded time. */
  heal(): void {
    this.#cut.clear();
    this.#isHealed = true;
    for (const member of this.#members) this.#start(member);
    const before = this.#history.length;
    for (let round = 0; round < 2_000; round++) {
      for (const member of this.#members) {
        member.node?.tick();
        member.node?.raft.releaseHeldEntries(); // Its owner's duty.
        this.#disk(member);
      }
      const inTransit = this.#network.length;
      for (let i = 0; i < inTransit; i++) this.#deliver({ faultless: true });
      this.#settle();
      for (const member of this.#members) if (round % 20 === 0) this.#propose(member);
      const caughtUp = this.#members.every(({ applied }) => applied.length > before);
      if (this.#history.length > before && caughtUp) return;
    }
    assert(false, "no progress within 2,000 rounds after all faults ended");
  }

  #start(member: Member): void {
    if (member.node) return;
    const voters = this.#members.map(({ id }) => id);
    const last = member.applied.at(-1);
    // As the node does: an image of another history than the log's takes the log's place.
    const place = (last?.index ?? 0) - member.snapshot.index;
    if (last && place > 0 && member.log[place - 1]?.term !== last.term) {
      this.#setMark(member, { index: last.index, term: last.term }, []);
    }
    member.node = new RawNode(
      {
        ...RAFT_DEFAULTS,
        nodeId: member.id,
        voters,
        random: this.#random,
        maxInflightMessages: 4,
        sparing: this.#sparing,
      },
      {
        hardState: member.hardState,
        snapshot: { ...member.snapshot, confState: { voters } },
        entries: [...member.log],
        applied: member.applied.length,
      },
    );
    member.node.raft.isIdle = this.#sparing !== RAFT_DEFAULTS.sparing;
  }

  /** Now and then, until faults end. */
  #strikes(): boolean {
    return !this.#isHealed && randomBelow(this.#random, 4) === 0;
  }

  #setMark(member: Member, snapshot: Member["snapshot"], log: Entry[]): void {
    member.snapshot = snapshot;
    member.log = log;
  }

  /** Everything up to some applied entry goes from the log, once the state machine is flushed. */
  #compact(member: Member): void {
    const { node, snapshot, applied } = member;
    if (!node || member.writing) return;
    const kept = randomBelow(this.#random, 2) * randomBelow(this.#random, 5);
    const index = Math.max(snapshot.index, applied.length - kept);
    const term = applied[index - 1]?.term;
    if (term === undefined || index <= snapshot.index) return;
    member.flushed = applied.length;
    this.#setMark(member, { index, term }, member.log.slice(index - snapshot.index));
    node.raft.log.compact(index);
    this.report.compactions++;
  }

  /** The leader's image goes to who needs it, whole or not at all. */
  #sendImage({ from, to, term }: Message): void {
    const [source, target] = [from, to].map((id) => this.#members.find((m) => m.id === id));
    const last = source?.applied.at(-1);
    if (!source?.node || !target || !last) return;
    const lost = !target.node || target.writing || this.#strikes();
    if (!lost) this.#installImage(target, { from, term, last, applied: source.applied });
    source.node?.raft.reportSnapshot(to, !lost);
  }

  #installImage(
    target: Member,
    image: {
      readonly from: NodeId;
      readonly term: number;
      readonly last: Entry;
      readonly applied: readonly Entry[];
    },
  ): void {
    const { node } = target;
    if (!node || image.term < node.status.term) return;
    const { index, term } = image.last;
    const metadata = { index, term, confState: { voters: this.#members.map(({ id }) => id) } };
    const message = { from: image.from, to: target.id, term: image.term } as const;
    node.step({ ...message, kind: "snapshot", metadata });
    if (node.needsImage(metadata)) {
      target.applied = [...image.applied];
      target.flushed = index;
      this.report.images++;
      if (this.#strikes()) return this.#crash(target); // Before the log's mark.
      this.#setMark(target, { index, term }, []);
    }
    node.restored(metadata, image.from);
  }

  #crash(member: Member): void {
    if (!member.node) return;
    this.report.crashes++;
    member.node = undefined;
    // What was being written may have reached the disk whole, or not at all.
    if (member.writing && randomBelow(this.#random, 2) === 0) this.#write(member, member.writing);
    member.writing = undefined;
    const unflushed = member.applied.length - member.flushed;
    member.applied.length = member.flushed + randomBelow(this.#random, unflushed + 1);
    member.flushed = member.applied.length;
    for (const [context, read] of this.#reads) {
      if (read.member === member.id) this.#reads.delete(context);
    }
  }

  #write(member: Member, { hardState, entries }: Ready): void {
    if (hardState) member.hardState = hardState;
    overlay(member.log, entries, member.snapshot.index + 1);
  }

  /** Finishes the batch under way, or begins the next one. */
  #disk(member: Member): void {
    const { node, writing } = member;
    if (!node) return;
    if (writing) {
      this.#write(member, writing);
      member.writing = undefined;
      this.#post(writing.afterPersist);
      node.advance();
    } else if (node.hasReady) {
      const ready = node.ready();
      this.#post(ready.messages);
      this.#apply(member, ready.committed);
      this.#answer(member, ready);
      member.writing = ready;
    }
  }

  #post(messages: readonly Message[]): void {
    for (const message of messages) {
      if (message.kind === "snapshot") this.#images.push(message);
      else this.#network.push(message);
    }
  }

  #settle(): void {
    const [image] = this.#images;
    if (image && !this.#strikes()) {
      this.#images.shift();
      this.#sendImage(image);
    }
    for (const member of this.#members) {
      const { node } = member;
      if (!node) continue;
      this.#post(node.takeMessages());
      this.#answer(member, { reads: node.takeReads() });
      this.#checkLeader(member, node);
    }
    // A network holds only so much; the oldest are lost first.
    if (this.#network.length > 1000) this.#network.splice(0, this.#network.length - 1000);
  }

  #deliver({ faultless }: { faultless: boolean } = { faultless: false }): void {
    if (this.#network.length === 0) return;
    const at = faultless ? 0 : randomBelow(this.#random, this.#network.length);
    const message = this.#network[at] as Message; // In range.
    const dice = faultless ? 100 : randomBelow(this.#random, 100);
    if (dice >= 5) this.#network.splice(at, 1); // Below: it stays, and is delivered again.
    if (!faultless && dice >= 90) return; // Lost.
    if (this.#cut.has(`${message.from}-${message.to}`)) return;
    const target = this.#members.find(({ id }) => id === message.to);
    target?.node?.step(message);
  }

  #propose({ node }: Member): void {
    const data = new Uint8Array(4);
    new DataView(data.buffer).setUint32(0, ++this.#nextValue);
    try {
      node?.propose([data]);
    } catch (error) {
      if (!(error instanceof ProposalRefusedError)) throw error;
    }
  }

  #read({ id, node }: Member): void {
    const context = ++this.#nextRead;
    try {
      if (!node) return;
      this.#reads.set(context, { member: id, atLeast: this.#history.length });
      node.readIndex(context);
    } catch (error) {
      this.#reads.delete(context);
      if (!(error instanceof ReadIndexRefusedError)) throw error;
    }
  }

  #answer(member: Member, { reads }: Pick<Ready, "reads">): void {
    for (const { context, index } of reads) {
      const read = this.#reads.get(context);
      this.#reads.delete(context);
      if (!read || index === undefined || read.member !== member.id) continue;
      this.report.confirmedReads++;
      assert(
        index >= read.atLeast,
        `member ${member.id} was told to read at ${index}, but ${read.atLeast} had been applied before`,
      );
    }
  }

  #apply(member: Member, entries: readonly Entry[]): void {
    for (const entry of entries) {
      assert(
        entry.index === member.applied.length + 1,
        `member ${member.id} applies ${entry.index} after ${member.applied.length}`,
      );
      member.applied.push(entry);
      const known = this.#history[entry.index - 1];
      if (!known) {
        this.#history.push(entry);
        this.report.committed++;
      } else {
        assert(
          known.term === entry.term && equal(known.data, entry.data),
          `member ${member.id} applies another entry at ${entry.index}: term ${entry.term}, not ${known.term}`,
        );
      }
    }
  }

  #checkLeader(member: Member, node: RawNode): void {
    const { role, term, lastIndex } = node.status;
    if (role !== "leader") return;
    const known = this.#leaders.get(term);
    if (known === member.id) return;
    assert(known === undefined, `two leaders in term ${term}: ${known} and ${member.id}`);
    this.#leaders.set(term, member.id);
    this.report.elections++;
    // What is compacted is applied, and checked there.
    for (const entry of this.#history.slice(node.raft.log.snapshot.index)) {
      assert(
        entry.index <= lastIndex && node.raft.log.termAt(entry.index) === entry.term,
        `leader ${member.id} of term ${term} lacks the applied entry ${entry.index}@${entry.term}`,
      );
    }
  }

  #toggleCut(): void {
    const [from, to] = [this.#pick(this.#members).id, this.#pick(this.#members).id];
    const key = `${from}-${to}`;
    if (!this.#cut.delete(key)) this.#cut.add(key);
    if (randomBelow(this.#random, 3) === 0) this.#cut.clear();
  }

  #pick<T>(items: readonly T[]): T {
    return items[randomBelow(this.#random, items.length)] as T; // Never empty here.
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

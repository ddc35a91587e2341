/**
 * Raft's own properties (Raft figure 3, §5.2 to §5.4), looked at after every event of a simulation. It
 * looks at what has changed since the last look, so that an event that changed nothing costs a few
 * comparisons a member.
 *
 * Verified:
 * - election safety: a term has at most one leader;
 * - leader append-only: a leader neither drops nor replaces an entry while it leads;
 * - log matching: an entry of one index and term has one content and one entry before it, in all logs
 *   and at all times; by induction over the index all entries before it are equal, too;
 * - leader completeness: what was committed before a term is in the log of the term's leader;
 * - state machine safety: no two members ever hold different entries as committed at one index;
 * - hard state: within an incarnation the term never falls and the vote of a term never changes; after
 *   a restart term, vote and last entry are at least those that the disk said were durable;
 * - commit: it never falls within an incarnation, and applied <= committed <= last index;
 * - a leader commits entries of its own term, and earlier ones only with them (§5.4.2);
 * - a vote goes to a candidate whose log is at least as up to date as the voter's (§5.4.1);
 * - stable storage: what a leader commits is on the disks of a majority at that moment, and so are the
 *   votes by which it leads (figure 2: "updated on stable storage before responding to RPCs").
 * Not verified:
 * - what lies behind an image: who restores one is trusted up to its last entry's term (digests of
 *   the applied state see more, members.ts);
 * - liveness;
 * - what a disk lost that was told to lose it: see `forgive`.
 */
import { equalBytes } from "@sagong/base";
import type { Entry, HardState, LogBatch, LogStorage, NodeId, RaftView, Term } from "@sagong/raft";
import type { Violation } from "../history/history.js";

export interface RaftInvariantsOptions {
  /** For people; by default the id in hexadecimal. */
  readonly nameOf?: (id: NodeId) => string;
  /** How many there are; left out: stable storage is not judged. */
  readonly voters?: number;
}

export class RaftInvariants {
  readonly #members = new Map<NodeId, Member>();
  readonly #durable = new Map<NodeId, Durable>();
  /** What each member's log held when it was opened: also what a crash had left without an answer. */
  readonly #found = new Map<NodeId, Durable>();
  /** Members whose disks are not to be believed: they may have anything. */
  readonly #forgiven = new Set<NodeId>();
  readonly #group: Group;
  readonly #isAlone: boolean;

  constructor({ nameOf = (id) => id.toString(16), voters }: RaftInvariantsOptions = {}) {
    this.#isAlone = voters === 1;
    // Who is alone needs nobody's vote, and commits nothing before the entry of its term is written.
    this.#group = new Group(nameOf, {
      entries: (isOn) => voters === undefined || this.#countDurable(isOn) > voters / 2,
      votes: (isOn) =>
        voters === undefined || voters === 1 || this.#countDurable(isOn) > voters / 2,
    });
  }

  /** Of all running members, after each event. The first violation that it sees, once. */
  observe(views: Iterable<RaftView>): Violation | undefined {
    for (const view of views) {
      const member = this.#members.get(view.id);
      // A new view is a new start.
      const violation = member?.view === view ? member.look(this.#group) : this.#start(view);
      if (violation) return violation;
    }
    return undefined;
  }

  /** `storage` as it is; what it says is durable is remembered, for when the member comes back. */
  watch(id: NodeId, storage: LogStorage): LogStorage {
    const { hardState, snapshot, entries } = storage.stored;
    this.#found.set(id, { hardState, last: entries.at(-1), imageIndex: snapshot.index });
    return {
      stored: storage.stored,
      append: async (batch) => {
        this.#begin(id, batch);
        await storage.append(batch);
        this.persisted(id, batch);
      },
      compact: (snapshot) => storage.compact(snapshot),
      reset: async (snapshot) => {
        await storage.reset(snapshot);
        const hardState = this.#durable.get(id)?.hardState;
        this.#durable.set(id, { hardState, last: undefined, imageIndex: snapshot.index });
      },
      close: () => storage.close(),
    };
  }

  /**
   * A batch is being written that replaces what is durable: a conflict. Whoever dies meanwhile comes
   * back with either, for the disk may have it and not have said so.
   */
  #begin(id: NodeId, { entries }: LogBatch): void {
    const durable = this.#durable.get(id);
    const [first] = entries ?? [];
    if (!durable?.last || !first || first.index > durable.last.index) return;
    this.#durable.set(id, { ...durable, replacement: entries?.at(-1) });
  }

  /** A member's disk has said that `batch` is durable. */
  persisted(id: NodeId, { hardState, entries }: LogBatch): void {
    const before = this.#durable.get(id);
    const newest = entries?.at(-1);
    this.#durable.set(id, {
      hardState: hardState ?? before?.hardState,
      last: newest ?? before?.last,
      replacement: newest ? undefined : before?.replacement,
      imageIndex: before?.imageIndex ?? 0,
    });
  }

  /** The member's disk is about to lose or has lied about what it said was durable: a fault, not a bug. */
  forgive(id: NodeId): void {
    this.#durable.delete(id);
    this.#forgiven.add(id);
  }

  #countDurable(isOn: (durable: Durable) => boolean): number {
    let count = this.#forgiven.size;
    for (const id of new Set([...this.#durable.keys(), ...this.#found.keys()])) {
      const known = [this.#durable.get(id), this.#found.get(id)];
      if (!this.#forgiven.has(id) && known.some((one) => one && isOn(one))) count++;
    }
    return count;
  }

  #start(view: RaftView): Violation | undefined {
    const member = new Member(view);
    this.#group.views.set(view.id, view);
    this.#members.set(view.id, member);
    const found = this.#found.get(view.id);
    // It may lead the same term again, with other entries: what its disk never had nobody else has.
    if (this.#isAlone && found) this.#group.forgetBehind(found.last?.index ?? found.imageIndex);
    const durable = this.#durable.get(view.id);
    return (durable && this.#group.checkRestart(view, durable)) ?? member.look(this.#group);
  }
}

interface Durable {
  readonly hardState: HardState | undefined;
  readonly last: Entry | undefined;
  /** The last entry of a batch that was to replace `last`, and was not said to have done so. */
  readonly replacement?: Entry | undefined;
  /** Of the last image that was installed; 0 where none was. */
  readonly imageIndex: number;
}

/** Whether a majority's disks hold what is asked for. */
type OnMajority = Readonly<
  Record<"entries" | "votes", (isOn: (durable: Durable) => boolean) => boolean>
>;

/** What one incarnation of a member looked like the last time. */
class Member {
  readonly view: RaftView;
  #term: Term;
  #vote: NodeId | undefined;
  /** The term that it led then. */
  #leads: Term | undefined;
  #committed = 0;
  #applied = 0;
  /** The entries behind index `#base`, as they were. */
  #entries: Entry[] = [];
  #base: number;

  constructor(view: RaftView) {
    this.view = view;
    this.#term = view.term;
    this.#vote = view.vote;
    this.#base = view.log.snapshot.index;
    this.#committed = view.log.snapshot.index;
    this.#applied = view.log.snapshot.index;
  }

  look(group: Group): Violation | undefined {
    return (
      this.#lookAtHardState(group) ??
      this.#lookAtLog(group) ??
      this.#lookAtCommit(group) ??
      this.#lookAtRole(group)
    );
  }

  #lookAtHardState(group: Group): Violation | undefined {
    const { id, term, vote } = this.view;
    if (term === this.#term && vote === this.#vote) return undefined;
    const [termBefore, voteBefore] = [this.#term, this.#vote];
    this.#term = term;
    this.#vote = vote;
    if (term < termBefore) {
      return group.violation("raft-hard-state", id, `went back from term ${termBefore} to ${term}`);
    }
    if (term === termBefore && voteBefore !== undefined) {
      const votes = `${group.name(voteBefore)} and then for ${group.name(vote)}`;
      return group.violation("raft-hard-state", id, `voted in term ${term} for ${votes}`);
    }
    return vote === undefined || vote === id ? undefined : group.checkGrant(this.view);
  }

  #lookAtLog(group: Group): Violation | undefined {
    const { log, id, role, term } = this.view;
    const last = this.#entries.at(-1);
    const isSame = last ? log.entryAt(last.index) === last : this.#base === log.snapshot.index;
    if (isSame && log.lastIndex === (last?.index ?? this.#base)) return undefined;
    this.#forgetCompacted(log.snapshot.index);
    let dropped = 0;
    for (let kept = this.#entries.at(-1); kept; kept = this.#entries.at(-1)) {
      if (log.entryAt(kept.index) === kept) break;
      this.#entries.pop();
      dropped++;
    }
    if (dropped > 0 && role === "leader" && term === this.#leads) {
      const text = `dropped or replaced ${dropped} entries of its own log while it led term ${term}`;
      return group.violation("raft-leader-append-only", id, text);
    }
    for (let index = this.#base + this.#entries.length + 1; index <= log.lastIndex; index++) {
      const entry = log.entryAt(index);
      if (!entry) return group.violation("raft-log-matching", id, `has a hole at ${index}`);
      const before = log.entryAt(index - 1)?.term ?? log.snapshot.term;
      const violation = group.checkEntry(id, entry, before);
      if (violation) return violation;
      this.#entries.push(entry);
    }
    return undefined;
  }

  #forgetCompacted(snapshotIndex: number): void {
    if (snapshotIndex === this.#base) return;
    this.#entries.splice(0, Math.max(0, snapshotIndex - this.#base));
    this.#base = snapshotIndex;
  }

  #lookAtCommit(group: Group): Violation | undefined {
    const { log, id, term } = this.view;
    const { committed, applied, lastIndex, snapshot } = log;
    if (committed === this.#committed && applied === this.#applied) return undefined;
    const [from, appliedBefore] = [this.#committed, this.#applied];
    this.#committed = committed;
    this.#applied = applied;
    const fault = (text: string): Violation => group.violation("raft-commit", id, text);
    if (committed < from) return fault(`took its commit index back from ${from} to ${committed}`);
    if (applied < appliedBefore) {
      return fault(`took its applied index back from ${appliedBefore} to ${applied}`);
    }
    if (committed > lastIndex) return fault(`commits ${committed}, its log ends at ${lastIndex}`);
    if (applied > committed) return fault(`has applied ${applied}, only ${committed} is committed`);
    const violation = from <= snapshot.index ? group.checkImage(this.view) : undefined;
    if (violation) return violation;
    for (let index = Math.max(from, snapshot.index) + 1; index <= committed; index++) {
      const entry = log.entryAt(index);
      const found = entry && group.checkCommitted(id, entry, term);
      if (found) return found;
    }
    // At the last look it led already: what it has committed since it has counted.
    if (this.view.role !== "leader" || this.#leads !== term) return undefined;
    return committed > from ? group.checkCounted(this.view) : undefined;
  }

  #lookAtRole(group: Group): Violation | undefined {
    const { role, term } = this.view;
    const leads = role === "leader" ? term : undefined;
    if (leads === this.#leads) return undefined;
    this.#leads = leads;
    return leads === undefined ? undefined : group.checkLeader(this.view);
  }
}

interface Committed {
  readonly entry: Entry;
  /** At least the term in which it was committed: that of whoever was first seen to know. */
  readonly term: Term;
}

/** What is known of all members together. */
class Group {
  readonly #nameOf: (id: NodeId) => string;
  /** Of the members' latest starts. */
  readonly views: Map<NodeId, RaftView> = new Map();
  readonly #isOnMajority: OnMajority;
  /** Who has led each term. */
  readonly #leaders = new Map<Term, NodeId>();
  /** Whom each member was last seen leading as. */
  readonly #leading = new Map<NodeId, RaftView>();
  /** By index and term: the content, and the term before. */
  readonly #entries = new Map<number, { readonly entry: Entry; readonly before: Term }[]>();
  /** By index. */
  readonly #committed: (Committed | undefined)[] = [];

  constructor(nameOf: (id: NodeId) => string, isOnMajority: OnMajority) {
    this.#nameOf = nameOf;
    this.#isOnMajority = isOnMajority;
  }

  /** Who leads has committed: it may, and a majority must not be able to forget it any more. */
  checkCounted({ id, term, log }: RaftView): Violation | undefined {
    const index = log.committed;
    const fault = (text: string): Violation => this.violation("raft-commit", id, text);
    const entry = log.entryAt(index);
    if (entry && entry.term !== term) {
      return fault(`commits entry ${index} of term ${entry.term} by counting, in term ${term}`);
    }
    // Who has a later entry of this term, or of a later one, has had this one (log matching).
    const has = ({ last, imageIndex }: Durable): boolean =>
      imageIndex >= index || (last !== undefined && last.index >= index && last.term >= term);
    if (this.#isOnMajority.entries(has)) return undefined;
    return fault(`commits ${index}, which is not on the disks of a majority`);
  }

  /** A member has given its vote to another. */
  checkGrant(voter: RaftView): Violation | undefined {
    const candidate = voter.vote === undefined ? undefined : this.views.get(voter.vote);
    if (!candidate || candidate.term !== voter.term) return undefined;
    // Else it is beyond that: its log may be another's by now.
    if (candidate.role !== "candidate" && candidate.role !== "leader") return undefined;
    const [ours, its] = [lastOf(voter), lastOf(candidate)];
    if (its.term > ours.term || (its.term === ours.term && its.index >= ours.index)) {
      return undefined;
    }
    const text = `with a log up to ${ours.index} of term ${ours.term} voted for ${this.name(candidate.id)}, which has ${its.index} of term ${its.term}`;
    return this.violation("raft-leader-completeness", voter.id, text);
  }

  /** Nor their votes. */
  #checkVotes({ id, term }: RaftView): Violation | undefined {
    const has = ({ hardState }: Durable): boolean =>
      hardState !== undefined &&
      (hardState.term > term || (hardState.term === term && hardState.vote === id));
    if (this.#isOnMajority.votes(has)) return undefined;
    const text = `leads term ${term} by votes that are not on the disks of a majority`;
    return this.violation("raft-hard-state", id, text);
  }

  name(id: NodeId | undefined): string {
    return id === undefined ? "nobody" : this.#nameOf(id);
  }

  violation(guarantee: string, id: NodeId, text: string): Violation {
    return { guarantee, text: `${this.#nameOf(id)} ${text}` };
  }

  checkRestart(view: RaftView, durable: Durable): Violation | undefined {
    const { hardState, last, replacement } = durable;
    const { id, term, vote, log } = view;
    const fault = (text: string): Violation =>
      this.violation("raft-hard-state", id, `came back ${text}`);
    if (hardState && term < hardState.term) {
      return fault(`in term ${term}, its disk had held term ${hardState.term}`);
    }
    const isSameTerm = term === hardState?.term && hardState.vote !== undefined;
    if (isSameTerm && vote !== hardState.vote) {
      const votes = `${this.name(vote)}, its disk had held one for ${this.name(hardState.vote)}`;
      return fault(`in term ${term} with a vote for ${votes}`);
    }
    const has = ({ index, term: ofTerm }: Entry): boolean =>
      index <= log.snapshot.index || log.entryAt(index)?.term === ofTerm;
    if (!last || has(last) || (replacement && has(replacement))) return undefined;
    return fault(`without entry ${last.index} of term ${last.term}`);
  }

  checkLeader(view: RaftView): Violation | undefined {
    const { id, term } = view;
    const known = this.#leaders.get(term);
    this.#leaders.set(term, id);
    this.#leading.set(id, view);
    const unstable = known === id ? undefined : this.#checkVotes(view);
    if (unstable) return unstable;
    if (known !== undefined && known !== id) {
      const text = `leads term ${term}, which ${this.name(known)} leads or has led`;
      return this.violation("raft-election-safety", id, text);
    }
    for (let index = view.log.snapshot.index + 1; index < this.#committed.length; index++) {
      const committed = this.#committed[index];
      const violation = committed && this.#checkComplete(view, committed);
      if (violation) return violation;
    }
    return undefined;
  }

  /** No member has these any more. */
  forgetBehind(last: number): void {
    for (const index of this.#entries.keys()) if (index > last) this.#entries.delete(index);
  }

  /** Log matching. */
  checkEntry(id: NodeId, entry: Entry, before: Term): Violation | undefined {
    const atIndex = this.#entries.get(entry.index);
    const known = atIndex?.find((other) => other.entry.term === entry.term);
    if (!known) {
      if (atIndex) atIndex.push({ entry, before });
      else this.#entries.set(entry.index, [{ entry, before }]);
      return undefined;
    }
    const name = `entry ${entry.index} of term ${entry.term}`;
    if (!isSame(known.entry, entry)) {
      return this.violation("raft-log-matching", id, `has another content in ${name} than others`);
    }
    if (known.before === before) return undefined;
    const text = `has an entry of term ${before} before ${name}, others one of term ${known.before}`;
    return this.violation("raft-log-matching", id, text);
  }

  checkCommitted(id: NodeId, entry: Entry, term: Term): Violation | undefined {
    const known = this.#committed[entry.index];
    if (known) {
      if (known.entry.term === entry.term && isSame(known.entry, entry)) return undefined;
      const text =
        `holds an entry of term ${entry.term} as committed at ${entry.index}, ` +
        `where one of term ${known.entry.term} was committed`;
      return this.violation("raft-state-machine-safety", id, text);
    }
    const committed = { entry, term };
    this.#committed[entry.index] = committed;
    for (const view of this.#leading.values()) {
      if (view.role !== "leader") continue;
      const violation = this.#checkComplete(view, committed);
      if (violation) return violation;
    }
    return undefined;
  }

  /** The image's last entry must be the one that was committed there. */
  checkImage({ id, log: { snapshot } }: RaftView): Violation | undefined {
    const known = this.#committed[snapshot.index];
    if (!known || known.entry.term === snapshot.term) return undefined;
    const text =
      `holds an image up to ${snapshot.index} of term ${snapshot.term}, ` +
      `where an entry of term ${known.entry.term} was committed`;
    return this.violation("raft-state-machine-safety", id, text);
  }

  #checkComplete(leader: RaftView, { entry, term }: Committed): Violation | undefined {
    const { log } = leader;
    if (leader.term <= term || entry.index <= log.snapshot.index) return undefined;
    if (log.entryAt(entry.index)?.term === entry.term) return undefined;
    const text =
      `leads term ${leader.term} without entry ${entry.index} of term ${entry.term}, ` +
      `which was committed in term ${term} or before`;
    return this.violation("raft-leader-completeness", leader.id, text);
  }
}

function isSame(a: Entry, b: Entry): boolean {
  return a.kind === b.kind && (a.data === b.data || equalBytes(a.data, b.data));
}

/** The last entry, or what an image ends with. */
function lastOf({ log }: RaftView): { readonly index: number; readonly term: Term } {
  return { index: log.lastIndex, term: log.entryAt(log.lastIndex)?.term ?? log.snapshot.term };
}

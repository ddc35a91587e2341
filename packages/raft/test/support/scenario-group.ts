/**
 * The members of a scenario and the network between them, driven by steps of plain text; each step
 * answers with lines that say what it changed and what was sent. The steps:
 *
 *   voters 1 2 3 4 5                  the group, before its members; three unless said
 *   settings electionTicks=20         other than the defaults, before the members
 *   member 1: log=1,1,2 term=3 vote=2 commit=1 compacted=5@1
 *                                     a member with this on its disk; all may be left out. Voters that
 *                                     are no members are silent: what is sent to them is only shown
 *   2→1 append t4 prev=1@1 …          a message arrives, whoever may have sent it. A snapshot is the
 *                                     image itself, whole
 *   tick 1 10, wait 1                 time passes at a member; as much as it waits to campaign
 *   campaign 1, lead 1                starts an election; starts one, and silent voters make it win
 *   propose 1 x y                     one entry each
 *   read 1 7                          asks for a read index under this number
 *   write 1                           what waits is written, and what depends on it leaves
 *   begin-write 1, end-write 1        the same, with time in between
 *   deliver, deliver 1→2              what is under way arrives: all that is so now
 *   lose, lose 1→2                    …never does
 *   settle, settle quietly            writes and deliveries until nothing is left; shows only the end
 *   cut 1 | 2 3, heal                 nothing passes between these sides
 *   crash 1, start 1                  without what is not on disk
 *   transfer 1 3, unreachable 1 2     leadership is to go to 3; the connection to 2 broke
 *   compact 1 3                       the state machine's image is on disk up to there
 *   image-sent 1 2, image-failed 1 2  what became of the image that 1 sent to 2
 *   show 1                            all that is known of a member
 */
import { describeEntry, describeMessage } from "../../src/core/describe.js";
import type { Message } from "../../src/core/message.js";
import type { RaftConfig } from "../../src/core/config.js";
import type { Entry, NodeId } from "../../src/core/types.js";
import { isMessageText, parseMessage } from "./message-text.js";
import { ScenarioMember, type StoredState } from "./scenario-member.js";

/** What is shown of a member when it changes. */
interface View {
  readonly role: string;
  readonly log: string;
  readonly commit: number;
}

/** A group of cores that has not come to rest by then never will. */
const ROUNDS_MAX = 200;

export class ScenarioGroup {
  readonly #members = new Map<NodeId, ScenarioMember>();
  readonly #shown = new Map<NodeId, View>();
  #voters: readonly NodeId[] = [1n, 2n, 3n];
  #settings: Partial<RaftConfig> = {};
  #underWay: Message[] = [];
  #sides: readonly (readonly NodeId[])[] = [];
  #lines: string[] = [];
  #isQuiet = false;

  /** What the step changed. Throws where the step cannot be read. */
  run(step: string): readonly string[] {
    this.#lines = [];
    if (isMessageText(step)) this.#arrive(parseMessage(step, this.#voters));
    else this.#command(step);
    return this.#lines;
  }

  #command(step: string): void {
    const [, verb = "", rest = ""] = /^(\S+)\s*(.*)$/.exec(step) ?? [];
    const words = rest.split(/\s+/).filter((word) => word !== "");
    switch (verb) {
      case "voters":
        this.#voters = words.map(BigInt);
        return;
      case "settings":
        this.#settings = Object.fromEntries(
          words.map((word) => [word.split("=")[0], Number(word.split("=")[1])]),
        );
        return;
      case "member":
        return this.#add(rest);
      case "deliver":
      case "lose":
        return this.#take(words[0], verb);
      case "settle":
        return this.#settle({ isQuiet: words[0] === "quietly" });
      case "cut":
        this.#sides = rest.split("|").map((side) => side.trim().split(/\s+/).map(BigInt));
        return;
      case "heal":
        this.#sides = [];
        return;
      default:
        return this.#act(verb, words);
    }
  }

  /** Steps whose first word is a member. */
  #act(verb: string, [id = "0", ...words]: readonly string[]): void {
    const nodeId = BigInt(id);
    const member = this.#member(nodeId);
    const { raft } = member.node;
    const peer = BigInt(/^\d+$/.test(words[0] ?? "") ? (words[0] ?? "0") : "0");
    const actions: Readonly<Record<string, () => void>> = {
      tick: () => this.#tick(nodeId, { member, times: Number(words[0] ?? 1) }),
      wait: () => this.#wait(nodeId, member),
      campaign: () => raft.campaign(),
      lead: () => this.#lead(member),
      propose: () => member.node.propose(words.map((word) => new TextEncoder().encode(word))),
      read: () => member.node.readIndex(Number(words[0])),
      write: () => this.#write(nodeId, member),
      "begin-write": () => this.#beginWrite(nodeId, member),
      "end-write": () => this.#send(member.endWrite()),
      crash: () => member.crash(),
      start: () => member.start(),
      transfer: () => raft.transferLeadership(peer),
      unreachable: () => raft.reportUnreachable(peer),
      compact: () => member.compact(Number(words[0])),
      "image-sent": () => raft.reportSnapshot(peer, true),
      "image-failed": () => raft.reportSnapshot(peer, false),
      show: () => this.#show(nodeId, member),
    };
    const action = actions[verb];
    if (action === undefined) throw new Error(`Cannot do "${verb}": it is no step of scenarios`);
    this.#guarded(nodeId, action);
  }

  // ── Members ──────────────────────────────────────────────────────────────────────────────────

  #add(text: string): void {
    const [ids = "", details = ""] = text.split(":");
    for (const id of ids.trim().split(/\s+/).map(BigInt)) {
      const config = { ...this.#settings, nodeId: id, voters: this.#voters };
      const member = new ScenarioMember(config, storedState(details));
      this.#members.set(id, member);
      this.#shown.set(id, viewOf(member));
    }
  }

  #member(id: NodeId): ScenarioMember {
    const member = this.#members.get(id);
    if (member === undefined) throw new Error(`there is no member ${id} in this scenario`);
    return member;
  }

  /** Wins an election by the votes of voters that are no members. */
  #lead(member: ScenarioMember): void {
    const { node, config } = member;
    const silent = config.voters.filter((voter) => !this.#members.has(voter));
    this.#isQuiet = true;
    node.raft.campaign();
    for (const kind of ["pre-vote-response", "vote-response"] as const) {
      this.#write(config.nodeId, member);
      const term = node.status.term + (kind === "pre-vote-response" ? 1 : 0);
      for (const from of silent.slice(0, Math.floor(config.voters.length / 2))) {
        node.step({ kind, from, to: config.nodeId, term, granted: true });
      }
    }
    this.#isQuiet = false;
  }

  /** What is said in many ticks is shown once, with how often. */
  #tick(id: NodeId, { member, times }: { member: ScenarioMember; times: number }): void {
    for (let i = 0; i < times; i++) {
      member.node.tick();
      this.#observe(id);
    }
    const counts = new Map<string, number>();
    for (const line of this.#lines) counts.set(line, (counts.get(line) ?? 0) + 1);
    this.#lines = [...counts].map(([line, n]) => (n === 1 ? line : `${line} ×${n}`));
  }

  #wait(id: NodeId, { node }: ScenarioMember): void {
    const ticksMax = 100;
    for (let ticks = 1; ticks <= ticksMax; ticks++) {
      node.tick();
      if (node.raft.outbox.length === 0) continue;
      return this.#say(`${id} waits ${ticks} ticks`);
    }
    throw new Error(`member ${id} does not campaign within ${ticksMax} ticks`);
  }

  #beginWrite(id: NodeId, member: ScenarioMember): void {
    const ready = member.beginWrite();
    const { hardState, mustSync, entries } = ready;
    this.#send(ready.messages);
    this.#tellApplied(id, ready.committed);
    if (!mustSync) return;
    const state =
      hardState === undefined ? [] : [`t${hardState.term} vote=${hardState.vote ?? "none"}`];
    this.#say(`${id} writes ${[...state, ...entries.map(describeEntry)].join(" ")}`);
  }

  #write(id: NodeId, member: ScenarioMember): void {
    this.#beginWrite(id, member);
    this.#send(member.endWrite());
  }

  #show(id: NodeId, member: ScenarioMember): void {
    const { committed, applied } = member.node.status;
    this.#say(`${id} ${member.role} commit=${committed} applied=${applied}`);
    this.#say(`${id} log ${member.log}`);
    this.#say(`${id} disk ${member.onDisk}`);
    for (const [peer, progress] of member.node.raft.progress) {
      this.#say(
        `${id} of ${peer}: ${progress.state} match=${progress.match} next=${progress.next}`,
      );
    }
  }

  /** Refusals are lines; a broken invariant is the last thing that a member does. */
  #guarded(id: NodeId, action: () => void): void {
    const member = this.#members.get(id);
    try {
      action();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (error.name === "AssertionError") member?.crash();
      else if (!error.name.endsWith("RefusedError")) throw error;
      this.#say(`${id} ${member?.isDown === true ? "stops" : "refuses"}: ${error.message}`);
    }
    this.#observe(id);
  }

  /** Says what has changed, sends what may leave now, applies what is committed. */
  #observe(id: NodeId): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    if (member.isDown) return void this.#shown.delete(id);
    if (!this.#isQuiet) this.#sayChanges(id, member);
    this.#send(member.node.takeMessages());
    for (const { context, index } of member.takeReads()) {
      this.#say(`${id} read ${context} ${index === undefined ? "is refused" : `at ${index}`}`);
    }
    this.#tellApplied(id, member.node.takeCommitted());
  }

  #sayChanges(id: NodeId, member: ScenarioMember): void {
    const before = this.#shown.get(id);
    const now = viewOf(member);
    this.#shown.set(id, now);
    const changes = [
      now.role === before?.role ? "" : now.role,
      now.log === before?.log ? "" : `log ${now.log}`,
      now.commit === before?.commit ? "" : `commit ${now.commit}`,
    ].filter((change) => change !== "");
    if (changes.length > 0) this.#say(`${id} ${changes.join(", ")}`);
  }

  /** An entry without data is a new leader's own (§8). */
  #tellApplied(id: NodeId, entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const texts = entries.map(
      (entry) => describeEntry(entry) + (entry.data.length > 0 ? "" : "=none"),
    );
    this.#say(`${id} applies ${texts.join(" ")}`);
  }

  // ── Network ──────────────────────────────────────────────────────────────────────────────────

  #send(messages: readonly Message[]): void {
    for (const message of messages) {
      const isLost = this.#isCut(message);
      this.#say(`${describeMessage(message)}${isLost ? " ✗" : ""}`);
      if (!isLost && this.#members.has(message.to)) this.#underWay.push(message);
    }
  }

  #isCut({ from, to }: Message): boolean {
    const sideOf = (id: NodeId): number => this.#sides.findIndex((side) => side.includes(id));
    return sideOf(from) !== sideOf(to);
  }

  #take(link: string | undefined, verb: "deliver" | "lose"): void {
    const isTaken = ({ from, to }: Message): boolean =>
      link === undefined || link === `${from}→${to}`;
    const taken = this.#underWay.filter(isTaken);
    this.#underWay = this.#underWay.filter((message) => !isTaken(message));
    if (verb === "deliver") for (const message of taken) this.#arrive(message);
  }

  #arrive(message: Message): void {
    const { from, to } = message;
    const member = this.#member(to);
    if (member.isDown) return;
    this.#guarded(to, () => {
      if (message.kind !== "snapshot") return member.node.step(message);
      const { index, term } = message.metadata;
      member.node.step(message);
      const result = member.takeImage(message.metadata, from);
      const words = {
        old: "is behind what it has",
        known: "holds what it has",
        installed: "is installed",
      };
      this.#say(`${to} image ${index}@${term} ${words[result]}`);
    });
    if (message.kind === "snapshot" && this.#members.get(from)?.isDown === false) {
      this.#guarded(from, () => this.#member(from).node.raft.reportSnapshot(to, true));
    }
  }

  #settle({ isQuiet }: { readonly isQuiet: boolean }): void {
    this.#isQuiet = isQuiet;
    for (let round = 0; ; round++) {
      if (round === ROUNDS_MAX) throw new Error(`not at rest after ${ROUNDS_MAX} rounds`);
      const busy = [...this.#members].filter(
        ([, member]) => !member.isDown && !member.isWriting && member.node.hasReady,
      );
      for (const [id, member] of busy) this.#guarded(id, () => this.#write(id, member));
      if (busy.length === 0 && this.#underWay.length === 0) break;
      this.#take(undefined, "deliver");
    }
    this.#isQuiet = false;
    for (const [id, member] of this.#members) if (!member.isDown) this.#sayChanges(id, member);
  }

  #say(line: string): void {
    if (!this.#isQuiet) this.#lines.push(line);
  }
}

function viewOf(member: ScenarioMember): View {
  return { role: member.role, log: member.log, commit: member.node.status.committed };
}

function storedState(text: string): StoredState {
  const [pairs, state]: [string[], { -readonly [K in keyof StoredState]: StoredState[K] }] = [
    text.split(/\s+/).filter((word) => word !== ""),
    {},
  ];
  for (const pair of pairs) {
    const [name, value = ""] = pair.split("=");
    if (name === "log") state.terms = value.split(",").map(Number);
    else if (name === "vote") state.vote = BigInt(value);
    else if (name === "term" || name === "commit") state[name] = Number(value);
    else if (name === "compacted") {
      const [index = 0, term = 0] = value.split("@").map(Number);
      state.compacted = { index, term };
    } else throw new Error(`Cannot read "${pair}" of a member`);
  }
  return state;
}

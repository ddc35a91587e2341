/** What a member makes of proposals: batches, in the log, in memory and on their way. */
import { type Logger, seededRandom, silentLogger, VirtualClock } from "@sagong/base";
import { describe, expect, it, vi } from "vitest";
import type { Message } from "../core/message.js";
import { encodeProposals, proposalsOf } from "../core/proposals.js";
import type { Entry, LogIndex, NodeId, Term } from "../core/types.js";
import { MemoryLogStorage } from "../storage/memory-log-storage.js";
import type { Transport, TransportReceiver } from "../transport/transport.js";
import type { RaftNode } from "./raft-node.js";
import type { RaftNodeOptions } from "./raft-node-options.js";
import { startRaftNode } from "./start-raft-node.js";
import type { StateMachine, StateMachineImage } from "./state-machine.js";

class Machine implements StateMachine {
  appliedIndex: LogIndex = 0;
  appliedTerm: Term = 0;
  readonly texts: string[] = [];
  /** Bytes of each call. */
  readonly shares: number[] = [];

  apply(entries: readonly Entry[]): void {
    this.shares.push(entries.reduce((sum, { data }) => sum + data.length, 0));
    for (const entry of entries) {
      this.appliedIndex = entry.index;
      this.appliedTerm = entry.term;
      for (const one of proposalsOf(entry)) this.texts.push(new TextDecoder().decode(one));
    }
  }

  flush(): Promise<LogIndex> {
    return Promise.resolve(this.appliedIndex);
  }

  openSnapshot(): Promise<StateMachineImage> {
    return Promise.reject(new Error("there is no image"));
  }

  installSnapshot(): Promise<void> {
    return Promise.reject(new Error("there is no image"));
  }
}

class Peers implements Transport {
  readonly sent: Message[] = [];
  receiver: TransportReceiver | undefined;

  start(receiver: TransportReceiver): void {
    this.receiver = receiver;
  }

  send(messages: readonly Message[]): void {
    this.sent.push(...messages);
  }

  isReachable(): boolean {
    return true;
  }

  sendSnapshot(): Promise<void> {
    return Promise.reject(new Error("no image is wanted"));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

interface Fixture {
  readonly node: RaftNode;
  readonly machine: Machine;
  readonly storage: MemoryLogStorage;
  readonly peers: Peers;
  readonly receive: (message: Message) => void;
}

async function start(
  voters: readonly NodeId[],
  more: { readonly options?: Partial<RaftNodeOptions>; readonly logger?: Logger } = {},
): Promise<Fixture> {
  const storage = MemoryLogStorage.create({ index: 0, term: 0, confState: { voters } });
  const [machine, peers] = [new Machine(), new Peers()];
  const node = await startRaftNode(
    {
      nodeId: 1n,
      voters,
      heartbeatMs: 10,
      electionMs: 100,
      snapshotCount: 10_000,
      catchUpEntries: 5_000,
      ...more.options,
    },
    {
      clock: new VirtualClock(),
      random: seededRandom(1),
      logger: more.logger ?? silentLogger,
      storage,
      transport: peers,
      stateMachine: machine,
      defer: setImmediate,
    },
  );
  return { node, machine, storage, peers, receive: (message) => peers.receiver?.receive(message) };
}

/** Alone, and so leader at once. */
async function startAlone(more: Parameters<typeof start>[1] = {}): Promise<Fixture> {
  const fixture = await start([1n], more);
  await vi.waitFor(() => expect(fixture.machine.appliedIndex).toBe(1));
  return fixture;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const forwarded = (...texts: string[]): Message => ({
  kind: "propose",
  from: 2n,
  to: 1n,
  term: 1,
  data: [encodeProposals(texts.map(bytes))],
});
const heartbeat: Message = { kind: "heartbeat", from: 2n, to: 1n, term: 1, commit: 0, round: 0 };

describe("a leader", () => {
  it("makes one entry of what a turn brings, its own and forwarded", async () => {
    const { node, machine, receive } = await startAlone();
    node.propose(bytes("a"));
    receive(forwarded("b", "c"));
    node.propose(bytes("d"));
    receive(forwarded("e"));
    await vi.waitFor(() => expect(machine.texts).toEqual(["a", "b", "c", "d", "e"]));
    expect(machine.appliedIndex).toBe(2);
    await node.close();
  });

  it("drops what a follower forwards and is no batch, says so, and goes on", async () => {
    const warnings: string[] = [];
    const warn = (text: string): void => void warnings.push(text);
    const fixture = await startAlone({ logger: { ...silentLogger, warn } });
    const fatal: unknown[] = [];
    fixture.node.onFatal((error) => fatal.push(error));
    fixture.receive({ ...forwarded(), data: [Uint8Array.of(1, 2, 3)] } as Message); // A propose still.
    fixture.receive(forwarded("after"));
    await vi.waitFor(() => expect(fixture.machine.texts).toEqual(["after"]));
    expect(warnings).toEqual(["a peer forwarded what is no batch of proposals"]);
    expect(fatal).toEqual([]);
    await fixture.node.close();
  });

  it("refuses proposals beyond 64 MiB that wait", async () => {
    const { node } = await startAlone();
    const large = new Uint8Array(16 * 1024 * 1024);
    expect(() => {
      for (let i = 0; i < 5; i++) node.propose(large);
    }).toThrow("too many bytes of proposals wait");
    await node.close();
  });

  it("keeps no more of its log than so many bytes, however few entries they are", async () => {
    const { node, machine, storage } = await startAlone({
      options: { snapshotBytes: 3_000, catchUpBytes: 2_000 },
    });
    for (let i = 1; i <= 40; i++) {
      node.propose(new Uint8Array(500));
      await vi.waitFor(() => expect(machine.texts).toHaveLength(i), { interval: 1 });
    }
    const keptBytes = (): number =>
      storage.stored.entries.reduce((sum, { data }) => sum + data.length, 0);
    await vi.waitFor(() => expect(keptBytes()).toBeLessThan(5_000), { interval: 1 });
    expect(keptBytes()).toBeGreaterThanOrEqual(1_500);
    expect(storage.stored.snapshot.index).toBeGreaterThan(20);
    await node.close();
  });
});

describe("a follower", () => {
  it("forwards what a turn brings as one message, also while its disk writes", async () => {
    const { node, peers, receive } = await start([1n, 2n, 3n]);
    receive(heartbeat);
    await vi.waitFor(() => expect(node.status().leaderId).toBe(2n));
    for (let i = 0; i < 50; i++) node.propose(bytes(`${i}`));
    const proposed = (): Message[] => peers.sent.filter(({ kind }) => kind === "propose");
    await vi.waitFor(() => expect(proposed()).toHaveLength(1));
    const [message] = proposed();
    const data = message?.kind === "propose" ? message.data : [];
    const all = data.flatMap((one) => [...proposalsOf({ kind: "normal", data: one })]);
    expect(all).toHaveLength(50);
    await node.close();
  });

  it("applies what it catches up with in shares, not in one turn", async () => {
    const { node, machine, receive } = await start([1n, 2n, 3n]);
    const data = encodeProposals([new Uint8Array(100_000)]);
    const entries = Array.from({ length: 20 }, (_, i): Entry => {
      return { index: i + 1, term: 1, kind: "normal", data };
    });
    const append = { from: 2n, to: 1n, term: 1, prevIndex: 0, prevTerm: 0, entries, commit: 20 };
    receive({ kind: "append", ...append });
    await vi.waitFor(() => expect(machine.appliedIndex).toBe(20));
    expect(Math.max(...machine.shares)).toBeLessThanOrEqual(262_144);
    expect(machine.shares.length).toBeGreaterThanOrEqual(10);
    await node.close();
  });

  it("keeps what waits for a leader while there is none, and gives it to the next", async () => {
    const { node, peers, receive } = await start([1n, 2n, 3n]);
    receive(heartbeat);
    await vi.waitFor(() => expect(node.status().leaderId).toBe(2n));
    node.propose(bytes("x"));
    // In the same turn the leader is gone: a candidate asks in a later term.
    receive({
      kind: "vote",
      from: 3n,
      to: 1n,
      term: 2,
      lastIndex: 0,
      lastTerm: 0,
      transfer: true,
    });
    await vi.waitFor(() => expect(node.status().leaderId).toBeUndefined());
    expect(peers.sent.some(({ kind }) => kind === "propose")).toBe(false);
    receive({ ...heartbeat, from: 3n, term: 2 });
    await vi.waitFor(() =>
      expect(peers.sent).toContainEqual(expect.objectContaining({ kind: "propose", to: 3n })),
    );
    await node.close();
  });
});

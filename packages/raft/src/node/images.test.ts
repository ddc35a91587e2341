/** What a member does with images and crashes around them, driven message by message. */
import { seededRandom, silentLogger, VirtualClock } from "@sagong/base";
import { describe, expect, it, vi } from "vitest";
import type { Message } from "../core/message.js";
import type { Entry, LogIndex, SnapshotMetadata, Term } from "../core/types.js";
import type { LogStorage, StoredLog } from "../storage/log-storage.js";
import { MemoryLogStorage } from "../storage/memory-log-storage.js";
import { entry } from "../testing/log-storage-suite.js";
import type {
  IncomingSnapshot,
  OutgoingSnapshot,
  Transport,
  TransportReceiver,
} from "../transport/transport.js";
import type { RaftNode } from "./raft-node.js";
import { startRaftNode } from "./start-raft-node.js";
import { ImageRefusedError, type StateMachine, type StateMachineImage } from "./state-machine.js";

const VOTERS = [1n, 2n, 3n];
const confState = { voters: VOTERS };

class RecordingTransport implements Transport {
  readonly sent: Message[] = [];
  readonly images: OutgoingSnapshot[] = [];
  #receiver: TransportReceiver | undefined;

  get receiver(): TransportReceiver {
    if (!this.#receiver) throw new Error("the node has not started");
    return this.#receiver;
  }

  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
  }

  send(messages: readonly Message[]): void {
    this.sent.push(...messages);
  }

  isReachable(): boolean {
    return true;
  }

  async sendSnapshot(snapshot: OutgoingSnapshot): Promise<void> {
    this.images.push(snapshot);
  }

  async close(): Promise<void> {}
}

/** Refuses calls that overlap, as the contract of `LogStorage` has it. */
class StrictLogStorage implements LogStorage {
  readonly #log: MemoryLogStorage;
  #busy = false;
  failReset = false;

  constructor(stored: StoredLog) {
    this.#log = new MemoryLogStorage(stored);
  }

  get stored(): StoredLog {
    return this.#log.stored;
  }

  append: LogStorage["append"] = (batch) => this.#alone(() => this.#log.append(batch));
  compact: LogStorage["compact"] = (snapshot) => this.#alone(() => this.#log.compact(snapshot));
  reset: LogStorage["reset"] = (snapshot) =>
    this.#alone(() =>
      this.failReset ? Promise.reject(new Error("EIO")) : this.#log.reset(snapshot),
    );
  close = (): Promise<void> => this.#log.close();

  async #alone(action: () => Promise<void>): Promise<void> {
    if (this.#busy) throw new Error("two calls of the log storage overlap");
    this.#busy = true;
    await new Promise<void>((resolve) => setTimeout(resolve, 2));
    await action();
    this.#busy = false;
  }
}

class Machine implements StateMachine {
  appliedIndex: LogIndex;
  appliedTerm: Term;
  /** Awaited by `flush` and by `openSnapshot`. */
  gate: Promise<void> = Promise.resolve();
  installError: Error | undefined;
  installs = 0;

  constructor(applied: { readonly index: LogIndex; readonly term: Term }) {
    this.appliedIndex = applied.index;
    this.appliedTerm = applied.term;
  }

  apply(entries: readonly Entry[]): void {
    for (const { index, term } of entries) {
      if (index !== this.appliedIndex + 1) throw new Error(`${index} after ${this.appliedIndex}`);
      this.appliedIndex = index;
      this.appliedTerm = term;
    }
  }

  async flush(): Promise<LogIndex> {
    const index = this.appliedIndex;
    await this.gate;
    return index;
  }

  async openSnapshot(): Promise<StateMachineImage> {
    await this.gate;
    const chunks = (async function* () {
      yield new Uint8Array(1);
    })();
    const close = (): Promise<void> => Promise.resolve();
    return { index: this.appliedIndex, term: this.appliedTerm, chunks, close };
  }

  async installSnapshot(metadata: SnapshotMetadata): Promise<void> {
    if (this.installError) throw this.installError;
    this.appliedIndex = metadata.index;
    this.appliedTerm = metadata.term;
    this.installs++;
  }
}

interface Fixture {
  readonly node: RaftNode;
  readonly storage: StrictLogStorage;
  readonly machine: Machine;
  readonly transport: RecordingTransport;
  readonly clock: VirtualClock;
  readonly fatal: unknown[];
}

const entries = (from: number, to: number, term: number): Entry[] =>
  Array.from({ length: to - from + 1 }, (_, i) => entry(from + i, term));

async function start(
  stored: Partial<StoredLog>,
  { applied, seed = 1 }: { applied: { index: LogIndex; term: Term }; seed?: number },
): Promise<Fixture> {
  const hardState = { term: 5, vote: undefined, commit: 0 };
  const snapshot = { index: 0, term: 0, confState };
  const storage = new StrictLogStorage({ hardState, snapshot, entries: [], ...stored });
  const machine = new Machine(applied);
  const transport = new RecordingTransport();
  const clock = new VirtualClock();
  const node = await startRaftNode(
    {
      nodeId: 1n,
      voters: VOTERS,
      heartbeatMs: 10,
      electionMs: 100,
      snapshotCount: 10,
      catchUpEntries: 5,
    },
    {
      clock,
      random: seededRandom(seed),
      logger: silentLogger,
      storage,
      transport,
      stateMachine: machine,
      defer: setImmediate,
    },
  );
  const fatal: unknown[] = [];
  node.onFatal((error) => fatal.push(error));
  return { node, storage, machine, transport, clock, fatal };
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}

const image = (index: LogIndex, term: Term, from = 2n): IncomingSnapshot => ({
  from,
  to: 1n,
  term: 5,
  metadata: { index, term, confState },
  chunks: noBytes(),
});

const append = (
  prev: { readonly index: LogIndex; readonly term: Term },
  more: { readonly entries?: readonly Entry[]; readonly commit?: LogIndex },
): Message => ({
  kind: "append",
  from: 2n,
  to: 1n,
  term: 5,
  prevIndex: prev.index,
  prevTerm: prev.term,
  entries: more.entries ?? [],
  commit: more.commit ?? 0,
});

const answers = ({ transport }: Fixture): number[] =>
  transport.sent.flatMap((message) =>
    message.kind === "append-response" && !message.rejected ? [message.index] : [],
  );

describe("a member that starts after a crash", () => {
  it("takes up an image that its log has not learnt of", async () => {
    const { node, storage } = await start(
      { entries: entries(1, 20, 3) },
      { applied: { index: 80, term: 5 } },
    );
    expect(storage.stored).toMatchObject({ snapshot: { index: 80, term: 5 }, entries: [] });
    expect(node.status()).toMatchObject({ commitIndex: 80, lastIndex: 80 });
    await node.close();
  });

  it("drops entries of another history beside an image, however far they go", async () => {
    const fixture = await start(
      { entries: entries(1, 100, 3) },
      { applied: { index: 80, term: 5 } },
    );
    const { node, storage, transport } = fixture;
    expect(storage.stored).toMatchObject({ snapshot: { index: 80, term: 5 }, entries: [] });
    transport.receiver.receive(append({ index: 80, term: 5 }, { entries: [entry(81, 5)] }));
    await vi.waitFor(() => expect(answers(fixture)).toEqual([81]));
    await node.close();
  });

  it("keeps entries behind what is applied where they are of one history", async () => {
    const { node, storage } = await start(
      { entries: entries(1, 100, 3) },
      { applied: { index: 80, term: 3 } },
    );
    expect(storage.stored.entries).toHaveLength(100);
    expect(node.status()).toMatchObject({ lastIndex: 100 });
    await node.close();
  });
});

describe("a member that is sent an image", () => {
  it("keeps what it has acknowledged behind the image's index", async () => {
    const fixture = await start({ entries: entries(1, 10, 5) }, { applied: { index: 5, term: 5 } });
    const { node, storage, machine, transport } = fixture;
    transport.receiver.receive(append({ index: 10, term: 5 }, { entries: entries(11, 20, 5) }));
    await vi.waitFor(() => expect(answers(fixture)).toEqual([20]));
    await transport.receiver.receiveSnapshot(image(15, 5));
    await vi.waitFor(() => expect(answers(fixture)).toEqual([20, 15]));
    expect(machine.installs).toBe(0);
    expect(storage.stored.entries.at(-1)?.index).toBe(20);
    expect(node.status()).toMatchObject({ commitIndex: 15, appliedIndex: 15, lastIndex: 20 });
    await node.close();
  });

  it("tells a leader that missed its answers how far it has come", async () => {
    const fixture = await start(
      { entries: entries(1, 10, 5) },
      { applied: { index: 10, term: 5 } },
    );
    await fixture.transport.receiver.receiveSnapshot(image(8, 5));
    await vi.waitFor(() => expect(answers(fixture)).toEqual([10]));
    await fixture.node.close();
  });

  it("refuses an image of an older term (§7, figure 13, 1), and keeps what it has", async () => {
    const fixture = await start(
      { entries: entries(1, 3, 5), hardState: { term: 6, vote: undefined, commit: 0 } },
      { applied: { index: 0, term: 0 } },
    );
    const { node, machine, storage, transport } = fixture;
    await expect(transport.receiver.receiveSnapshot(image(9, 5))).rejects.toThrow("old term 5");
    expect(machine.installs).toBe(0);
    expect(storage.stored.entries).toHaveLength(3);
    expect(node.status()).toMatchObject({ term: 6, lastIndex: 3, leaderId: undefined });
    await node.close();
  });

  it("never uses its log for two things at once", async () => {
    const fixture = await start({}, { applied: { index: 0, term: 0 } });
    const { node, machine, transport, storage, fatal } = fixture;
    let open: () => void = () => {};
    machine.gate = new Promise((resolve) => (open = resolve));
    // Enough for a compaction, which then waits for the flush.
    transport.receiver.receive(
      append({ index: 0, term: 0 }, { entries: entries(1, 30, 5), commit: 30 }),
    );
    await vi.waitFor(() => expect(node.status().appliedIndex).toBe(30));
    const installed = transport.receiver.receiveSnapshot(image(80, 5));
    open();
    await installed;
    expect(fatal).toEqual([]);
    transport.receiver.receive(append({ index: 80, term: 5 }, { entries: [entry(81, 5)] }));
    await vi.waitFor(() => expect(answers(fixture)).toEqual([30, 80, 81]));
    expect(fatal).toEqual([]);
    expect(storage.stored).toMatchObject({ snapshot: { index: 80 }, entries: [{ index: 81 }] });
    await node.close();
  });

  it("goes on where the image was refused", async () => {
    const { node, machine, transport, fatal } = await start({}, { applied: { index: 0, term: 0 } });
    machine.installError = new ImageRefusedError("cut short");
    await expect(transport.receiver.receiveSnapshot(image(80, 5))).rejects.toThrow("cut short");
    expect(fatal).toEqual([]);
    machine.installError = undefined;
    await transport.receiver.receiveSnapshot(image(80, 5));
    expect(node.status().appliedIndex).toBe(80);
    await node.close();
  });

  it("stops where the image was half installed", async () => {
    const { node, machine, transport, fatal } = await start({}, { applied: { index: 0, term: 0 } });
    machine.installError = new Error("EIO");
    await expect(transport.receiver.receiveSnapshot(image(80, 5))).rejects.toThrow("EIO");
    expect(fatal).toHaveLength(1);
    await node.close();
  });

  it("stops where its log cannot be brought behind the image", async () => {
    const { node, storage, transport, fatal } = await start({}, { applied: { index: 0, term: 0 } });
    storage.failReset = true;
    await expect(transport.receiver.receiveSnapshot(image(80, 5))).rejects.toThrow("EIO");
    expect(fatal).toHaveLength(1);
    await node.close();
  });
});

describe("a leader that sends an image", () => {
  it("sends it in the term in which it led, also where it leads no more", async () => {
    const log = { entries: entries(11, 20, 4), snapshot: { index: 10, term: 4, confState } };
    const { node, machine, transport, clock } = await start(log, {
      applied: { index: 20, term: 4 },
    });
    const sentKinds = (): string[] => transport.sent.map(({ kind }) => kind);
    clock.advance(300);
    await vi.waitFor(() => expect(sentKinds()).toContain("pre-vote"));
    const reply = { from: 2n, to: 1n, term: 6, granted: true } as const;
    transport.receiver.receive({ ...reply, kind: "pre-vote-response" });
    await vi.waitFor(() => expect(sentKinds()).toContain("vote"));
    transport.receiver.receive({ ...reply, kind: "vote-response" });
    await vi.waitFor(() => expect(node.status().role).toBe("leader"));
    let open: () => void = () => {};
    machine.gate = new Promise((resolve) => (open = resolve));
    transport.receiver.receive({
      kind: "append-response",
      from: 3n,
      to: 1n,
      term: 6,
      index: 20,
      rejected: true,
      hintIndex: 0,
      hintTerm: 0,
    });
    await new Promise((resolve) => setImmediate(resolve));
    const heartbeat = {
      kind: "heartbeat",
      from: 2n,
      to: 1n,
      term: 7,
      commit: 0,
      round: 0,
    } as const;
    transport.receiver.receive(heartbeat);
    expect(node.status()).toMatchObject({ term: 7, role: "follower" });
    open();
    await vi.waitFor(() => expect(transport.images).toHaveLength(1));
    expect(transport.images[0]).toMatchObject({ to: 3n, term: 6, metadata: { index: 20 } });
    await node.close();
  });
});

describe("reads that are forwarded", () => {
  it("are numbered differently in each run, so that no late answer fits a new question", async () => {
    const contexts: number[] = [];
    for (const seed of [1, 2]) {
      const { node, transport } = await start({}, { applied: { index: 0, term: 0 }, seed });
      transport.receiver.receive(append({ index: 0, term: 0 }, {}));
      await vi.waitFor(() => expect(transport.sent).toHaveLength(1));
      const refused = node.readIndex().then(String, String);
      await vi.waitFor(() => {
        expect(transport.sent.some(({ kind }) => kind === "read-index")).toBe(true);
      });
      for (const message of transport.sent) {
        if (message.kind === "read-index") contexts.push(message.context);
      }
      await node.close();
      expect(await refused).toContain("this member is closed");
    }
    expect(new Set(contexts).size).toBe(2);
  });
});

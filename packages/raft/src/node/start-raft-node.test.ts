import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { seededRandom, silentLogger } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { createServer, type RpcServer } from "@sagong/rpc";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { proposalsOf } from "../core/proposals.js";
import type { Entry, LogIndex, NodeId, SnapshotMetadata, Term } from "../core/types.js";
import { nodeLogFiles } from "../disk/node-log-files.js";
import { FileLogStorage } from "../storage/file-log-storage.js";
import { RpcTransport } from "../transport/rpc-transport.js";
import type { RaftNode } from "./raft-node.js";
import { startRaftNode } from "./start-raft-node.js";
import type { StateMachine, StateMachineImage } from "./state-machine.js";

/** A list of texts; its image is the list. */
class TextMachine implements StateMachine {
  appliedIndex: LogIndex = 0;
  appliedTerm: Term = 0;
  texts: string[] = [];
  installed = 0;

  apply(entries: readonly Entry[]): void {
    for (const { index, term, kind, data } of entries) {
      this.appliedIndex = index;
      this.appliedTerm = term;
      for (const text of proposalsOf({ kind, data }))
        this.texts.push(new TextDecoder().decode(text));
    }
  }

  flush(): Promise<LogIndex> {
    return Promise.resolve(this.appliedIndex);
  }

  openSnapshot(): Promise<StateMachineImage> {
    const bytes = new TextEncoder().encode(JSON.stringify(this.texts));
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
    }
    return Promise.resolve({
      index: this.appliedIndex,
      term: this.appliedTerm,
      chunks: chunks(),
      close: () => Promise.resolve(),
    });
  }

  async installSnapshot(
    metadata: SnapshotMetadata,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    this.texts = JSON.parse(Buffer.concat(parts).toString("utf8")) as string[]; // Our own image.
    this.appliedIndex = metadata.index;
    this.appliedTerm = metadata.term;
    this.installed++;
  }
}

interface Member {
  readonly id: NodeId;
  readonly machine: TextMachine;
  node: RaftNode;
  server: RpcServer;
}

const IDS: readonly NodeId[] = [1n, 2n, 3n];
let dir: string;
let ports: number[];
let members: (Member | undefined)[];

async function startMember(i: number, machine = new TextMachine()): Promise<Member> {
  const id = IDS[i] ?? 0n;
  const clock = realClock();
  const peers = IDS.flatMap((nodeId, j) =>
    j === i ? [] : [{ nodeId, url: `http://127.0.0.1:${ports[j]}` }],
  );
  const transport = new RpcTransport(
    { clusterId: 9n, nodeId: id, peers },
    { clock, logger: silentLogger },
  );
  const server = createServer({ services: [transport.service], maxRequestBytes: 64_000_000 });
  await server.listen({ host: "127.0.0.1", port: ports[i] ?? 0 });
  const storage = await FileLogStorage.open({
    files: nodeLogFiles(`${dir}/${id}`),
    clusterId: 9n,
    memberId: id,
    initial: { index: 0, term: 0, confState: { voters: IDS } },
  });
  const node = await startRaftNode(
    {
      nodeId: id,
      voters: IDS,
      heartbeatMs: 20,
      electionMs: 200,
      snapshotCount: 50,
      catchUpEntries: 10,
    },
    {
      clock,
      random: seededRandom(i + 1),
      logger: silentLogger,
      storage,
      transport,
      stateMachine: machine,
      defer: setImmediate,
      afterCurrent: (callback) => process.nextTick(callback),
    },
  );
  return { id, machine, node, server };
}

async function stopMember(i: number): Promise<void> {
  const member = members[i];
  members[i] = undefined;
  await member?.server.close(10);
  await member?.node.close();
}

const running = (): Member[] => members.filter((member) => member !== undefined);

function leader(): Promise<Member> {
  return vi.waitFor(
    () => {
      const found = running().find(({ node }) => node.status().role === "leader");
      expect(found).toBeDefined();
      return found as Member; // Checked in the line above.
    },
    { timeout: 5000, interval: 10 },
  );
}

const everywhere = (text: string): Promise<void> =>
  vi.waitFor(
    () => {
      for (const { machine } of running()) expect(machine.texts.at(-1)).toBe(text);
    },
    { timeout: 5000, interval: 10 },
  );

function propose(member: Member, text: string): void {
  member.node.propose(new TextEncoder().encode(text));
}

beforeEach(async () => {
  dir = mkdtempSync(`${tmpdir()}/sagong-raft-`);
  const probes = IDS.map(() => createServer({ services: [] }));
  ports = await Promise.all(
    probes.map(async (probe) => (await probe.listen({ host: "127.0.0.1", port: 0 })).port),
  );
  await Promise.all(probes.map((probe) => probe.close(1)));
  members = await Promise.all(IDS.map((_, i) => startMember(i)));
});

afterEach(async () => {
  await Promise.all(IDS.map((_, i) => stopMember(i)));
  rmSync(dir, { recursive: true, force: true });
});

describe("startRaftNode() over sockets", () => {
  it("replicates what any member proposes, in one order", async () => {
    await leader();
    for (const member of running()) {
      await vi.waitFor(() => expect(member.node.status().leaderId).toBeDefined());
      propose(member, `from ${member.id}`);
    }
    await vi.waitFor(() => {
      for (const { machine } of running()) expect(machine.texts).toHaveLength(3);
    });
    const [first, ...others] = running().map(({ machine }) => machine.texts);
    for (const other of others) expect(other).toEqual(first);
  });

  it("readIndex() on a follower is not below what the leader has committed", async () => {
    const first = await leader();
    propose(first, "x");
    await everywhere("x");
    const { commitIndex } = first.node.status();
    for (const { node } of running()) {
      expect(await node.readIndex()).toBeGreaterThanOrEqual(commitIndex);
    }
  });

  it("goes on without its leader, which catches up from its disk when it is back", async () => {
    const first = await leader();
    propose(first, "before");
    await everywhere("before");
    const i = IDS.indexOf(first.id);
    await stopMember(i);
    const second = await leader();
    propose(second, "meanwhile");
    await everywhere("meanwhile");
    members[i] = await startMember(i); // Its state machine is new: all comes from the log.
    await everywhere("meanwhile");
    expect(members[i]?.machine.texts).toEqual(second.machine.texts);
  });

  it("sends an image to a member that needs compacted entries", async () => {
    const first = await leader();
    const behind = IDS.findIndex((id) => id !== first.id);
    await stopMember(behind);
    const now = await leader();
    for (let i = 0; i < 300; i++) {
      propose(now, `${i} ${"x".repeat(50)}`);
      // Each time an entry, of which it takes 60 for a compaction.
      if (i % 4 === 3) {
        await vi.waitUntil(() => now.machine.texts.length === i + 1, {
          timeout: 5000,
          interval: 1,
        });
      }
    }
    members[behind] = await startMember(behind);
    await everywhere(`299 ${"x".repeat(50)}`);
    expect(members[behind]?.machine.installed).toBe(1);
    expect(members[behind]?.machine.texts).toEqual(now.machine.texts);
  });

  it("transferLeadership() makes the target lead", async () => {
    const first = await leader();
    const target = IDS.find((id) => id !== first.id) ?? 0n;
    await first.node.transferLeadership(target);
    await vi.waitFor(() => {
      for (const { node } of running()) expect(node.status().leaderId).toBe(target);
    });
  });
});

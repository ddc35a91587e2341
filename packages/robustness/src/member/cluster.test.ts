import { decodeUtf8, encodeUtf8 } from "@sagong/base";
import {
  KvService,
  PutRequest,
  RangeRequest,
  WatchService,
  type WatchResponse,
  WatchCreateRequest,
} from "@sagong/kv/testing";
import { describe, expect, it } from "vitest";
import { SimulatedWorld } from "../world/simulated-world.js";
import { Cluster } from "./cluster.js";
import type { Machine } from "./machine.js";

const { put, range } = KvService.methods;

async function started(seed: number, members = 3): Promise<Cluster> {
  const world = new SimulatedWorld(seed);
  const cluster = new Cluster({ world, members });
  await world.settle(cluster.start(), 10_000);
  await elected(cluster);
  return cluster;
}

async function elected(cluster: Cluster): Promise<Machine> {
  const { world } = cluster;
  await world.runUntilTrue(() => cluster.leader !== undefined, world.nowMs + 20_000);
  const { leader } = cluster;
  if (!leader) throw new Error("nobody was elected within 20 simulated seconds");
  return leader;
}

async function write(cluster: Cluster, member: Machine, key: string, value: string): Promise<void> {
  const request = PutRequest.create({ key: encodeUtf8(key), value: encodeUtf8(value) });
  const call = member.channel("client").unary(put, request, { timeoutMs: 5_000 });
  await cluster.world.settle(call, 10_000);
}

async function read(cluster: Cluster, member: Machine, key: string): Promise<string | undefined> {
  const request = RangeRequest.create({ key: encodeUtf8(key) });
  const call = member.channel("client").unary(range, request, { timeoutMs: 5_000 });
  const { kvs } = await cluster.world.settle(call, 10_000);
  return kvs[0] && decodeUtf8(kvs[0].value);
}

function follower(cluster: Cluster): Machine {
  const { leader } = cluster;
  const other = cluster.members.find((member) => member !== leader);
  if (!other) throw new Error("there is no follower");
  return other;
}

describe("Cluster", () => {
  for (const members of [1, 3, 5]) {
    it(`of ${members} elects a leader and serves writes and reads of every member`, async () => {
      const cluster = await started(members, members);
      for (const member of cluster.members) await write(cluster, member, member.name, "here");
      for (const member of cluster.members) {
        for (const { name } of cluster.members) {
          expect(await read(cluster, member, name)).toBe("here");
        }
      }
    });
  }

  it("keeps what it acknowledged when all members lose their power at once", async () => {
    const cluster = await started(1);
    for (let i = 0; i < 20; i++) await write(cluster, follower(cluster), `k${i}`, `v${i}`);
    for (const member of cluster.members) member.kill("power");
    expect(cluster.leader).toBeUndefined();
    await cluster.world.runUntil(cluster.world.nowMs + 1_000);
    await cluster.world.settle(cluster.start(), 10_000);
    await elected(cluster);
    for (let i = 0; i < 20; i++) {
      expect(await read(cluster, follower(cluster), `k${i}`)).toBe(`v${i}`);
    }
  });

  it("elects another leader when the first is killed, and takes it back in", async () => {
    const cluster = await started(2);
    const first = await elected(cluster);
    await write(cluster, first, "a", "1");
    first.kill("process");
    const second = await elected(cluster);
    expect(second).not.toBe(first);
    await write(cluster, second, "a", "2");
    await cluster.world.settle(first.start(), 5_000);
    await cluster.world.runUntil(cluster.world.nowMs + 2_000);
    expect(await read(cluster, first, "a")).toBe("2");
    const digests = new Set(cluster.members.map((member) => member.appliedDigest()?.digest));
    expect(digests.size).toBe(1);
  });

  it("goes on without a leader that is cut off, which learns of it when healed", async () => {
    const cluster = await started(3);
    const { world, network } = cluster;
    const first = await elected(cluster);
    network.cut(first.name, "*");
    network.cut("*", first.name);
    const isSuperseded = (): boolean => cluster.leader !== undefined && cluster.leader !== first;
    expect(await world.runUntilTrue(isSuperseded, world.nowMs + 20_000)).toBe(true);
    const second = await elected(cluster);
    await expect(write(cluster, first, "b", "in doubt")).rejects.toThrow("Deadline exceeded");
    await write(cluster, second, "a", "kept");
    network.heal();
    await world.runUntil(world.nowMs + 5_000);
    expect(first.raftStatus()?.role).toBe("follower");
    expect(await read(cluster, first, "a")).toBe("kept");
  });

  it("lets a paused leader find out, when it goes on, that it leads no more", async () => {
    const cluster = await started(4);
    const { world } = cluster;
    const first = await elected(cluster);
    first.pause(10_000);
    expect(first.isPaused).toBe(true);
    const isSuperseded = (): boolean => cluster.leader !== undefined && cluster.leader !== first;
    expect(await world.runUntilTrue(isSuperseded, world.nowMs + 9_000)).toBe(true);
    await write(cluster, await elected(cluster), "a", "newer");
    await world.runUntil(world.nowMs + 10_000);
    expect(first.isPaused).toBe(false);
    expect(await read(cluster, first, "a")).toBe("newer");
  });

  it("ends open watches of a member that is killed, and calls to it fail at once", async () => {
    const cluster = await started(5);
    const { world } = cluster;
    const member = follower(cluster);
    const watch = member.channel("watcher").duplex(WatchService.methods.watch);
    const seen: WatchResponse[] = [];
    const over = (async () => {
      for await (const response of watch.responses) seen.push(response);
    })();
    over.catch(() => {});
    const request = WatchCreateRequest.create({ key: encodeUtf8("a") });
    void watch.send({ requestUnion: { kind: "createRequest", value: request } });
    await world.runUntilTrue(() => seen.length > 0, world.nowMs + 1_000);
    await write(cluster, member, "a", "1");
    await world.runUntilTrue(() => seen.length > 1, world.nowMs + 1_000);
    expect(seen[1]?.events).toHaveLength(1);
    member.kill("process");
    await expect(world.settle(over, 1_000)).rejects.toThrow("reset");
    await expect(write(cluster, member, "a", "2")).rejects.toThrow("refused");
  });

  it("stands still from the next line of its log on while nobody reads that", async () => {
    const cluster = await started(9);
    const { world } = cluster;
    const first = await elected(cluster);
    const others = cluster.members.filter((member) => member !== first);
    await world.runUntil(world.nowMs + 5_000); // It has said all that comes with its election.
    first.isLogBlocked = true;
    await write(cluster, first, "a", "1"); // That is worth no line.
    expect(first.isPaused).toBe(false);
    for (const member of others) member.kill("process"); // Streams that are lost are.
    await world.runUntilTrue(() => first.isPaused, world.nowMs + 5_000);
    expect(first.isPaused).toBe(true);
    for (const member of others) await world.settle(member.start(), 10_000);
    const isSuperseded = (): boolean =>
      others.some((member) => member.raftStatus()?.role === "leader");
    expect(await world.runUntilTrue(isSuperseded, world.nowMs + 20_000)).toBe(true);
    first.isLogBlocked = false;
    expect(first.isPaused).toBe(false);
    await world.runUntil(world.nowMs + 3_000); // Until it has heard of the other.
    await write(cluster, first, "a", "2");
    expect(await read(cluster, follower(cluster), "a")).toBe("2");
  });

  it("stops where a read finds that its database is damaged", async () => {
    const cluster = await started(8);
    const { world } = cluster;
    const member = follower(cluster);
    const keys = Array.from({ length: 100 }, (_, i) => `k${i}`);
    for (const key of keys) await write(cluster, member, key, "v".repeat(4_000));
    await world.runUntil(world.nowMs + 1_000);
    let what = "";
    while (!what.includes("cannot be read")) what = member.disk.flipBit("database") ?? "";
    const readAll = async (): Promise<void> => {
      for (const key of keys) await read(cluster, member, key);
    };
    await expect(readAll()).rejects.toThrow("Cannot read the database");
    await world.runUntilTrue(() => !member.isRunning, world.nowMs + 20_000);
    expect(member.failure).toMatchObject({ name: "BackendError" });
    await expect(world.settle(member.start(), 5_000)).rejects.toThrow("its database is damaged");
    for (const key of keys)
      expect(await read(cluster, await elected(cluster), key)).toHaveLength(4_000);
  });

  it("hands its leadership over when it is asked to end", async () => {
    const cluster = await started(6);
    const { world } = cluster;
    const first = await elected(cluster);
    await world.settle(first.stop(), 10_000);
    expect(first.isRunning).toBe(false);
    expect(first.failure).toBeUndefined();
    expect(cluster.leader).toBeDefined();
    await world.settle(first.start(), 5_000);
    await write(cluster, first, "a", "1");
  });

  it("bears messages that are lost, doubled and overtake each other", async () => {
    const cluster = await started(7);
    const { network, members } = cluster;
    for (const { name: from } of members) {
      for (const { name: to } of members) {
        const bad = { dropShare: 0.1, duplicateShare: 0.2, reorderShare: 0.3 };
        if (from !== to) network.setLink(from, to, { ...bad, delayMs: [1, 40] });
      }
    }
    // A proposal on its way to the leader may be lost: its client is told that it does not know.
    let acknowledged = 0;
    for (let i = 0; i < 30; i++) {
      await write(cluster, follower(cluster), `k${i}`, "here").then(
        () => acknowledged++,
        (error: unknown) => expect(error).toMatchObject({ message: "Deadline exceeded" }),
      );
    }
    expect(acknowledged).toBeGreaterThan(15);
    network.heal();
    await write(cluster, follower(cluster), "last", "here");
    const digests = async (): Promise<number> => {
      await cluster.world.runUntil(cluster.world.nowMs + 2_000);
      return new Set(members.map((member) => member.appliedDigest()?.digest)).size;
    };
    expect(await digests()).toBe(1);
  });

  it("is the same run, to the last byte, for the same seed", async () => {
    const run = async (seed: number): Promise<string> => {
      const cluster = await started(seed);
      for (let i = 0; i < 5; i++) await write(cluster, follower(cluster), "a", `${i}`);
      cluster.leader?.kill("power");
      await elected(cluster);
      await cluster.world.runUntil(cluster.world.nowMs + 5_000);
      return cluster.world.digestValue();
    };
    const first = await run(11);
    expect(await run(11)).toBe(first);
    expect(await run(12)).not.toBe(first);
  });
});

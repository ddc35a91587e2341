/** Three members on loopback sockets: writes and reads on each, and life without a leader. */
import { createLogger, decodeUtf8, encodeUtf8 } from "@sagong/base";
import { type Channel, RpcError } from "@sagong/rpc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  HashKVRequest,
  KvService,
  LeaseService,
  MaintenanceService,
  PutRequest,
  RangeRequest,
  ClusterService,
} from "../src/gen/rpc.js";
import {
  clusterConfigs,
  eventually,
  startMember,
  stopMember,
  temporaryDir,
  type TestMember,
} from "./member-cluster.js";

let dir: Awaited<ReturnType<typeof temporaryDir>>;
let members: TestMember[] = [];

const kv = KvService.methods;

function put(channel: Channel, key: string, value: string) {
  const request = PutRequest.create({ key: encodeUtf8(key), value: encodeUtf8(value) });
  return channel.unary(kv.put, request, { timeoutMs: 10_000 });
}

async function get(channel: Channel, key: string): Promise<string | undefined> {
  const request = RangeRequest.create({ key: encodeUtf8(key) });
  const { kvs } = await channel.unary(kv.range, request, { timeoutMs: 10_000 });
  return kvs[0] && decodeUtf8(kvs[0].value);
}

function leader(): TestMember | undefined {
  return members.find(({ store }) => store.status().role === "leader");
}

beforeAll(async () => {
  dir = await temporaryDir();
  const configs = await clusterConfigs(dir.path, 3, {
    snapshotCount: 100,
    snapshotCatchUpEntries: 20,
  });
  members = await Promise.all(configs.map((config, i) => startMember(config, { seed: i + 1 })));
  await eventually(leader, "a leader is elected");
}, 20_000);

afterAll(async () => {
  await Promise.all(members.map(stopMember));
  await dir.remove();
}, 20_000);

describe("a cluster of three", () => {
  it("serves a write of any member, read linearizably on every other", async () => {
    for (const [i, writer] of members.entries()) {
      await put(writer.channel, `key-${i}`, `value-${i}`);
      for (const reader of members) {
        expect(await get(reader.channel, `key-${i}`)).toBe(`value-${i}`);
      }
    }
  });

  it("has the same hash at the same revision on every member", async () => {
    const { header } = await put(members[0]?.channel as Channel, "last", "x"); // Three members.
    const request = HashKVRequest.create({ revision: header?.revision ?? 0 });
    const hashes = await Promise.all(
      members.map(async ({ channel }) => {
        await get(channel, "last"); // A linearizable read: everything is applied there now.
        return (await channel.unary(MaintenanceService.methods.hashKv, request)).hash;
      }),
    );
    expect(new Set(hashes).size).toBe(1);
  });

  it("keeps a lease alive through any member", async () => {
    const lease = LeaseService.methods;
    const follower = members.find((member) => member !== leader());
    const channel = follower?.channel as Channel; // Two of three do not lead.
    const { id } = await channel.unary(lease.leaseGrant, { id: 0n, ttl: 30 });
    const keepAlive = channel.duplex(lease.leaseKeepAlive);
    const answers = keepAlive.responses[Symbol.asyncIterator]();
    await keepAlive.send({ id });
    expect((await answers.next()).value).toMatchObject({ id, ttl: 30 });
    keepAlive.cancel();
    await answers.next().catch(() => {});
    const times = await channel.unary(lease.leaseTimeToLive, { id, keys: false });
    expect(times.ttl).toBeGreaterThanOrEqual(28);
    expect(times.ttl).toBeLessThanOrEqual(30);
  });

  it("tells the client URLs of all members on every member", async () => {
    const expected = members.flatMap(({ config }) => config.advertiseClientUrls).toSorted();
    for (const { channel } of members) {
      await eventually(async () => {
        const request = { linearizable: true };
        const response = await channel.unary(ClusterService.methods.memberList, request);
        const urls = response.members.flatMap((member) => member.clientUrls).toSorted();
        return JSON.stringify(urls) === JSON.stringify(expected) || undefined;
      }, "all client URLs are known");
    }
  });

  it("hands leadership over when asked", async () => {
    const before = leader();
    const target = members.find((member) => member !== before);
    if (!before || !target) throw new Error("no leader");
    const targetId = target.store.status().nodeId;
    await before.channel.unary(MaintenanceService.methods.moveLeader, { targetId });
    await eventually(() => leader() === target || undefined, "the target leads");
    const refused = before.channel.unary(MaintenanceService.methods.moveLeader, { targetId });
    await expect(refused).rejects.toThrow("etcdserver: not leader");
  });

  it("goes on when the leader ends, and takes it back in", async () => {
    const gone = await eventually(leader, "there is a leader");
    const others = members.filter((member) => member !== gone);
    await stopMember(gone);
    for (const [i, { channel }] of others.entries()) {
      await eventually(
        () =>
          put(channel, `without-${i}`, "x").then(
            () => true,
            (error: unknown) => {
              if (error instanceof RpcError) return undefined;
              throw error;
            },
          ),
        "a write succeeds without the old leader",
      );
    }
    // More than the log keeps: the member that comes back is far behind.
    const [{ channel }] = others as [TestMember]; // Two of three are left.
    // One after the other, since all of one turn are one entry.
    for (let i = 0; i < 300; i++) await put(channel, `bulk-${i}`, `${i}`);
    const log: string[] = [];
    const logger = createLogger("info", ({ message }) => log.push(message));
    const back = await startMember(gone.config, { seed: 9, logger });
    members = members.map((member) => (member === gone ? back : member));
    expect(await get(back.channel, "bulk-299")).toBe("299");
    expect(await get(back.channel, "without-1")).toBe("x");
    expect(log).toContain("installing an image");
  }, 30_000);
});

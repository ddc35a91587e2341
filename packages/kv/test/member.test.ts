/** One member in this process: what clients see, over memory and over real sockets. */
import { encodeUtf8, decodeUtf8 } from "@sagong/base";
import { type Channel, type DuplexCall, RpcError, StatusCode } from "@sagong/rpc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  AlarmRequest,
  CompactionRequest,
  Compare,
  CompareTarget,
  DeleteRangeRequest,
  HashKVRequest,
  KvService,
  LeaseService,
  MaintenanceService,
  PutRequest,
  RangeRequest,
  TxnRequest,
  WatchCreateRequest,
  type WatchRequest,
  type WatchResponse,
  WatchService,
  AuthService,
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

const bytes = encodeUtf8;
let dir: Awaited<ReturnType<typeof temporaryDir>>;
let member: TestMember;

beforeAll(async () => {
  dir = await temporaryDir();
  const [config] = await clusterConfigs(dir.path, 1);
  if (!config) throw new Error("no config");
  member = await startMember(config);
});

afterAll(async () => {
  await stopMember(member);
  await dir.remove();
});

const kv = KvService.methods;

function put(channel: Channel, key: string, value: string, more: Partial<PutRequest> = {}) {
  const request = PutRequest.create({ key: bytes(key), value: bytes(value), ...more });
  return channel.unary(kv.put, request);
}

function range(channel: Channel, key: string, more: Partial<RangeRequest> = {}) {
  return channel.unary(kv.range, RangeRequest.create({ key: bytes(key), ...more }));
}

async function refusal(call: Promise<unknown>): Promise<readonly [number, string]> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RpcError) return [error.code, error.message];
    throw error;
  }
  throw new Error("the call was not refused");
}

describe.each(["memory", "sockets"] as const)("a member over %s", (carrier) => {
  let channel: Channel;
  const name = (key: string): string => `${carrier}/${key}`;

  beforeAll(() => {
    channel = carrier === "memory" ? member.store.memoryChannel() : member.channel;
  });
  afterAll(async () => {
    if (carrier === "memory") await channel.close();
  });

  it("a large range is of one revision, however many writes come while it is made", async () => {
    const keys = Array.from({ length: 3_000 }, (_, i) =>
      name(`large/${String(i).padStart(5, "0")}`),
    );
    for (let i = 0; i < keys.length; i += 100) {
      const success = keys.slice(i, i + 100).map((key) => ({
        request: {
          kind: "requestPut" as const,
          value: PutRequest.create({ key: bytes(key), value: new Uint8Array(300) }),
        },
      }));
      await channel.unary(kv.txn, TxnRequest.create({ success }));
    }
    const rangeEnd = bytes(name("large0"));
    const reading = range(channel, name("large/"), { rangeEnd });
    const writing = Promise.all(keys.slice(-50).map((key) => put(channel, key, "later")));
    const { kvs, count, more, header } = await reading;
    await writing;
    expect([kvs.length, count, more]).toEqual([3_000, 3_000, false]);
    expect(kvs.map(({ key }) => decodeUtf8(key))).toEqual(keys);
    for (const { modRevision } of kvs) {
      expect(modRevision).toBeLessThanOrEqual(header?.revision ?? 0);
    }
    const { kvs: now } = await range(channel, name("large/"), { rangeEnd });
    expect(now.filter(({ value }) => decodeUtf8(value) === "later")).toHaveLength(50);
  });

  it("Put and Range agree, with one revision a write and headers filled", async () => {
    const first = await put(channel, name("a"), "1");
    const second = await put(channel, name("a"), "2", { prevKv: true });
    expect(second.header?.revision).toBe((first.header?.revision ?? 0) + 1);
    expect(decodeUtf8(second.prevKv?.value ?? new Uint8Array())).toBe("1");
    const { header, kvs, count } = await range(channel, name("a"));
    expect(count).toBe(1);
    expect(kvs[0]).toMatchObject({ version: 2, modRevision: second.header?.revision });
    expect(header).toMatchObject({ raftTerm: 1 });
    expect(header?.clusterId).not.toBe(0n);
    expect(header?.memberId).toBe(member.store.status().nodeId);
    const old = await range(channel, name("a"), { revision: first.header?.revision ?? 0 });
    expect(decodeUtf8(old.kvs[0]?.value ?? new Uint8Array())).toBe("1");
    expect(old.header?.revision).toBe(header?.revision);
  });

  it("Txn compares before it writes, and a read-only one leaves the revision alone", async () => {
    const key = bytes(name("txn"));
    const request = TxnRequest.create({
      compare: [
        Compare.create({
          key,
          target: CompareTarget.VERSION,
          targetUnion: { kind: "version", value: 0 },
        }),
      ],
      success: [{ request: { kind: "requestPut", value: PutRequest.create({ key }) } }],
      failure: [{ request: { kind: "requestRange", value: RangeRequest.create({ key }) } }],
    });
    expect(await channel.unary(kv.txn, request)).toMatchObject({ succeeded: true });
    const again = await channel.unary(kv.txn, request);
    expect(again.succeeded).toBe(false);
    const read = TxnRequest.create({ success: request.failure });
    const before = await range(channel, name("txn"));
    const answer = await channel.unary(kv.txn, read);
    expect(answer.header?.revision).toBe(before.header?.revision);
    expect(answer.responses).toHaveLength(1);
  });

  it("refuses with etcd's codes and texts", async () => {
    expect(await refusal(range(channel, ""))).toEqual([
      StatusCode.invalidArgument,
      "etcdserver: key is not provided",
    ]);
    expect(await refusal(put(channel, "x", "y", { lease: 12345n }))).toEqual([
      StatusCode.notFound,
      "etcdserver: requested lease not found",
    ]);
    expect(await refusal(range(channel, "x", { revision: 1_000_000 }))).toEqual([
      StatusCode.outOfRange,
      "etcdserver: mvcc: required revision is a future revision",
    ]);
    const value = "x".repeat(1_600_000);
    expect(await refusal(put(channel, "big", value))).toEqual([
      StatusCode.invalidArgument,
      "etcdserver: request is too large",
    ]);
    const op = {
      request: { kind: "requestRange", value: RangeRequest.create({ key: bytes("k") }) },
    } as const;
    const many = TxnRequest.create({ success: Array.from({ length: 129 }, () => op) });
    expect(await refusal(channel.unary(kv.txn, many))).toEqual([
      StatusCode.invalidArgument,
      "etcdserver: too many operations in txn request",
    ]);
  });

  it("leases: a key goes with its lease, renewal and remaining time answer", async () => {
    const lease = LeaseService.methods;
    const { id, ttl } = await channel.unary(lease.leaseGrant, { id: 0n, ttl: 1 });
    // 1.5 election timeouts of 400 ms, rounded up.
    expect(ttl).toBe(1);
    expect(id).toBeGreaterThan(0n);
    await put(channel, name("leased"), "x", { lease: id });
    const times = await channel.unary(lease.leaseTimeToLive, { id, keys: true });
    expect(times.grantedTtl).toBe(1);
    expect(times.keys.map(decodeUtf8)).toEqual([name("leased")]);
    const keepAlive = channel.duplex(lease.leaseKeepAlive);
    const answers = keepAlive.responses[Symbol.asyncIterator]();
    await keepAlive.send({ id });
    expect((await answers.next()).value).toMatchObject({ id, ttl: 1 });
    await keepAlive.send({ id: 999n });
    expect((await answers.next()).value).toMatchObject({ id: 999n, ttl: 0 });
    keepAlive.cancel();
    await answers.next().catch(() => {});
    await eventually(
      async () => (await range(channel, name("leased"))).count === 0 || undefined,
      "the key of an expired lease is deleted",
    );
    expect(await channel.unary(lease.leaseTimeToLive, { id, keys: false })).toMatchObject({
      ttl: -1,
    });
    expect(await refusal(channel.unary(lease.leaseRevoke, { id }))).toEqual([
      StatusCode.notFound,
      "etcdserver: requested lease not found",
    ]);
  });

  it("Maintenance and Cluster answer; what is not there says Unimplemented", async () => {
    const maintenance = MaintenanceService.methods;
    const status = await channel.unary(maintenance.status, {});
    expect(status).toMatchObject({ version: "3.6.0", leader: member.store.status().nodeId });
    expect(status.errors).toEqual([]);
    const hash = await channel.unary(maintenance.hashKv, HashKVRequest.create());
    expect(hash.hash).toBeGreaterThan(0);
    expect((await channel.unary(maintenance.alarm, AlarmRequest.create())).alarms).toEqual([]);
    const { members } = await channel.unary(ClusterService.methods.memberList, {
      linearizable: true,
    });
    expect(members).toMatchObject([
      { name: "m1", clientUrls: member.config.advertiseClientUrls, isLearner: false },
    ]);
    expect((await refusal(channel.unary(AuthService.methods.authStatus, {})))[0]).toBe(
      StatusCode.unimplemented,
    );
    const moved = channel.unary(maintenance.moveLeader, { targetId: 1n });
    expect(await refusal(moved)).toEqual([
      StatusCode.failedPrecondition,
      "etcdserver: bad leader transferee",
    ]);
  });
});

class WatchClient {
  readonly #call: DuplexCall<WatchRequest, WatchResponse>;
  readonly #responses: AsyncIterator<WatchResponse>;

  constructor(channel: Channel, metadata: Record<string, string> = {}) {
    this.#call = channel.duplex(WatchService.methods.watch, { metadata });
    this.#responses = this.#call.responses[Symbol.asyncIterator]();
  }

  create(fields: Partial<WatchCreateRequest>): Promise<void> {
    const value = WatchCreateRequest.create(fields);
    return this.#call.send({ requestUnion: { kind: "createRequest", value } });
  }

  cancel(watchId: number): Promise<void> {
    return this.#call.send({ requestUnion: { kind: "cancelRequest", value: { watchId } } });
  }

  progress(): Promise<void> {
    return this.#call.send({ requestUnion: { kind: "progressRequest", value: {} } });
  }

  async next(): Promise<WatchResponse> {
    const { done, value } = await this.#responses.next();
    if (done) throw new Error("the watch stream ended");
    return value;
  }

  close(): void {
    this.#call.cancel();
  }
}

describe("Watch", () => {
  it("sends created first, then each event with its revision, then the cancellation", async () => {
    const watch = new WatchClient(member.channel);
    await watch.create({ key: bytes("w/"), rangeEnd: bytes("w0"), prevKv: true });
    expect(await watch.next()).toMatchObject({ created: true, watchId: 0, events: [] });
    const { header } = await put(member.channel, "w/1", "one");
    await put(member.channel, "other", "x");
    await member.channel.unary(kv.deleteRange, DeleteRangeRequest.create({ key: bytes("w/1") }));
    const created = await watch.next();
    expect(created.header?.revision).toBe(header?.revision);
    expect(created.events).toMatchObject([{ type: 0, prevKv: undefined }]);
    expect(decodeUtf8(created.events[0]?.kv?.value ?? new Uint8Array())).toBe("one");
    const deleted = await watch.next();
    expect(deleted.events).toMatchObject([{ type: 1 }]);
    expect(decodeUtf8(deleted.events[0]?.prevKv?.value ?? new Uint8Array())).toBe("one");
    await watch.cancel(0);
    expect(await watch.next()).toMatchObject({ canceled: true, watchId: 0, cancelReason: "" });
    watch.close();
  });

  it("reads on from an old revision, and tells of a compaction by its revision alone", async () => {
    const first = await put(member.channel, "h", "1");
    const second = await put(member.channel, "h", "2");
    const startRevision = first.header?.revision ?? 0;
    const watch = new WatchClient(member.channel);
    await watch.create({ key: bytes("h"), startRevision });
    expect(await watch.next()).toMatchObject({ created: true });
    const { events } = await watch.next();
    expect(events.map((event) => event.kv?.modRevision)).toEqual([
      startRevision,
      second.header?.revision,
    ]);
    await member.channel.unary(
      kv.compact,
      CompactionRequest.create({ revision: second.header?.revision ?? 0, physical: true }),
    );
    await watch.create({ key: bytes("h"), startRevision });
    expect(await watch.next()).toMatchObject({ created: true, watchId: 1 });
    expect(await watch.next()).toMatchObject({
      canceled: true,
      watchId: 1,
      cancelReason: "",
      compactRevision: second.header?.revision,
    });
    watch.close();
  });

  it("refuses duplicate ids and empty ranges on a stream that stays open", async () => {
    const watch = new WatchClient(member.channel);
    await watch.create({ key: bytes("d"), watchId: 7 });
    expect(await watch.next()).toMatchObject({ created: true, canceled: false, watchId: 7 });
    await watch.create({ key: bytes("d"), watchId: 7 });
    expect(await watch.next()).toMatchObject({
      created: true,
      canceled: true,
      watchId: -1,
      cancelReason: "mvcc: duplicate watch ID provided on the WatchStream",
    });
    await watch.create({ key: bytes("d"), rangeEnd: bytes("c") });
    expect(await watch.next()).toMatchObject({
      canceled: true,
      watchId: -1,
      cancelReason: "mvcc: watcher range is empty",
    });
    await watch.progress();
    const progress = await watch.next();
    expect(progress).toMatchObject({ watchId: -1, created: false, canceled: false, events: [] });
    expect(progress.header?.revision).toBeGreaterThan(0);
    watch.close();
  });
});

describe("a member that is started again", () => {
  it("has everything, and refuses a second process on its folder", async () => {
    const again = await temporaryDir();
    const [config] = await clusterConfigs(again.path, 1, { snapshotCount: 50 });
    if (!config) throw new Error("no config");
    const before = await startMember(config);
    for (let i = 0; i < 20; i++) await put(before.channel, `key-${i}`, `value-${i}`);
    const { id } = await before.channel.unary(LeaseService.methods.leaseGrant, { id: 0n, ttl: 60 });
    await put(before.channel, "leased", "x", { lease: id });
    const hash = await before.channel.unary(
      MaintenanceService.methods.hashKv,
      HashKVRequest.create(),
    );
    await expect(startMember({ ...config, listenClientUrls: [] })).rejects.toThrow(
      /another process uses it; stop that process/,
    );
    await stopMember(before);
    const after = await startMember(config);
    const { kvs } = await range(after.channel, "key-7");
    expect(decodeUtf8(kvs[0]?.value ?? new Uint8Array())).toBe("value-7");
    const same = await after.channel.unary(
      MaintenanceService.methods.hashKv,
      HashKVRequest.create(),
    );
    expect(same.hash).toBe(hash.hash);
    const times = await after.channel.unary(LeaseService.methods.leaseTimeToLive, {
      id,
      keys: true,
    });
    expect(times.keys.map(decodeUtf8)).toEqual(["leased"]);
    await stopMember(after);
    await expect(startMember({ ...config, initialClusterToken: "other" })).rejects.toThrow(
      /belongs to cluster .* use the --initial-cluster/,
    );
    await again.remove();
  });
});

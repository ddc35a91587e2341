/** A busy leader tells one of two followers that nobody uses late, and at once when somebody does. */
import { decodeUtf8, encodeUtf8 } from "@sagong/base";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  HashKVRequest,
  KvService,
  MaintenanceService,
  PutRequest,
  RangeRequest,
} from "../src/gen/rpc.js";
import {
  clusterConfigs,
  eventually,
  startMember,
  stopMember,
  temporaryDir,
  type TestMember,
} from "./member-cluster.js";

/** Entries that a follower lacks of what is committed: more than are ever on their way to it. */
const LATE_ENTRIES = 8;

let dir: Awaited<ReturnType<typeof temporaryDir>>;
let members: TestMember[] = [];
let leader: TestMember;

const { put, range } = KvService.methods;
const { hashKv } = MaintenanceService.methods;

/** Writes one after the other through the leader until `found` gives something. */
async function writeUntil<T>(found: () => T | undefined): Promise<{ found: T; last: number }> {
  let last = 0;
  const result = await eventually(async () => {
    for (let i = 0; i < 50; i++) {
      last++;
      const request = { key: encodeUtf8("counter"), value: encodeUtf8(`${last}`) };
      await leader.channel.unary(put, PutRequest.create(request), { timeoutMs: 10_000 });
      const value = found();
      if (value !== undefined) return value;
    }
    return undefined;
  }, "a follower is told late");
  return { found: result, last };
}

function lateFollower(): TestMember | undefined {
  const { commitIndex } = leader.store.status();
  return members.find(({ store }) => store.status().lastIndex <= commitIndex - LATE_ENTRIES);
}

beforeAll(async () => {
  dir = await temporaryDir();
  const configs = await clusterConfigs(dir.path, 3);
  members = await Promise.all(configs.map((config, i) => startMember(config, { seed: i + 1 })));
  leader = await eventually(
    () => members.find(({ store }) => store.status().role === "leader"),
    "a leader is elected",
  );
}, 20_000);

afterAll(async () => {
  await Promise.all(members.map(stopMember));
  await dir.remove();
}, 20_000);

describe("a cluster of which only the leader has clients", () => {
  it("acknowledges writes that one follower has not got, and has them everywhere soon", async () => {
    const { found, last } = await writeUntil(lateFollower);
    expect(found).not.toBe(leader);
    // Nothing more is written, and nobody asks: what waits is sent all the same.
    await eventually(
      () => found.store.status().appliedIndex === leader.store.status().appliedIndex || undefined,
      "it has all that was written",
    );
    const request = RangeRequest.create({ key: encodeUtf8("counter"), serializable: true });
    const { kvs } = await found.channel.unary(range, request);
    expect(kvs.map(({ value }) => decodeUtf8(value))).toEqual([`${last}`]);
    const hashes = await Promise.all(
      members.map(({ channel }) => channel.unary(hashKv, HashKVRequest.create({ revision: 0 }))),
    );
    expect(new Set(hashes.map(({ hash }) => hash)).size).toBe(1);
  }, 30_000);

  it("tells it at once when a client reads there, which sees what was acknowledged", async () => {
    const { found, last } = await writeUntil(lateFollower);
    const { kvs } = await found.channel.unary(
      range,
      RangeRequest.create({ key: encodeUtf8("counter") }),
      { timeoutMs: 10_000 },
    );
    expect(kvs.map(({ value }) => decodeUtf8(value))).toEqual([`${last}`]);
  }, 30_000);
});

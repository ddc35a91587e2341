/**
 * Disks and data directories that are not as they should be: of another member, in use, damaged,
 * torn, full. The member says what is wrong and what to do, and loses nothing that it acknowledged.
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeUtf8, encodeUtf8, hasCode, prefixEnd } from "@sagong/base";
import {
  AlarmRequest,
  AlarmType,
  CompactionRequest,
  DeleteRangeRequest,
  KvService,
  MaintenanceService,
  PutRequest,
  RangeRequest,
} from "@sagong/kv/testing";
import { type Channel, createChannel, StatusCode } from "@sagong/rpc";
import { afterAll, describe, expect, it } from "vitest";
import { storeCluster, StoreProcess } from "./support/store-process.js";
import { until } from "./support/until.js";

const kv = KvService.methods;
const maintenance = MaintenanceService.methods;
const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;
const DISK_SIZE = "size=24m";
/** What is taken away later: room for the log to be sorted into tables once more. */
const BALLAST_BYTES = 14 * MEBIBYTE;
const OPTIONS = { timeoutMs: 10_000 } as const;
const LIMIT_MS = 30_000;

const root = mkdtempSync(join(tmpdir(), "sagong-bad-disk-"));
const running: StoreProcess[] = [];
afterAll(async () => {
  await Promise.all(running.map((member) => member.end("SIGKILL")));
  rmSync(root, { recursive: true, force: true });
});

async function oneMember(
  dir: string,
  flags: Readonly<Record<string, string | number>> = {},
): Promise<StoreProcess> {
  const [member] = await storeCluster(dir, { count: 1, flags });
  if (!member) throw new Error("no member");
  running.push(member);
  return member;
}

async function withChannel<T>(
  member: StoreProcess,
  use: (channel: Channel) => Promise<T>,
): Promise<T> {
  const channel = createChannel({ endpoint: `http://${member.endpoint}` });
  try {
    return await use(channel);
  } finally {
    await channel.close();
  }
}

const keyOf = (i: number): Uint8Array => encodeUtf8(`key-${String(i).padStart(5, "0")}`);
const allKeys = { key: encodeUtf8("key-"), rangeEnd: prefixEnd(encodeUtf8("key-")) } as const;

/** A value that does not shrink when it is compressed. */
function putNumber(channel: Channel, i: number, sizeBytes = 100): Promise<unknown> {
  const value = randomBytes(sizeBytes);
  value[sizeBytes - 1] = 1; // A log's last record can be told from the zeros behind it.
  return channel.unary(kv.put, PutRequest.create({ key: keyOf(i), value }), OPTIONS);
}

async function keysOf(channel: Channel): Promise<string[]> {
  const request = RangeRequest.create({ ...allKeys, keysOnly: true });
  const { kvs } = await channel.unary(kv.range, request, OPTIONS);
  return kvs.map(({ key }) => decodeUtf8(key));
}

/** Starts, and writes so many keys, and is killed. Gives the files of its log, oldest first. */
async function writeAndKill(member: StoreProcess, count: number): Promise<readonly string[]> {
  await member.start();
  await withChannel(member, async (channel) => {
    for (let i = 0; i < count; i++) await putNumber(channel, i);
  });
  await member.end("SIGKILL");
  const log = join(member.dataDir, "member", "log");
  return readdirSync(log)
    .toSorted()
    .map((name) => join(log, name));
}

/** A log segment's; behind them are the zeros that it was prepared with. */
const endOfRecords = (segment: Buffer): number => segment.findLastIndex((byte) => byte !== 0) + 1;

const numbers = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => decodeUtf8(keyOf(i)));

describe("a data directory", () => {
  it("of another cluster, of another member, or in use is refused, and stays as it is", async () => {
    const member = await oneMember(join(root, "owned"));
    await writeAndKill(member, 3);
    const as = (name: string, flags: Readonly<Record<string, string>>): StoreProcess =>
      new StoreProcess(name, member.endpoint, { ...member.flags, ...flags });
    const peer = String(member.flags["listen-peer-urls"]);

    const stranger = as("stranger", { "initial-cluster-token": "another" });
    stranger.spawn();
    expect(await stranger.exited).toBe(1);
    expect(stranger.output).toMatch(
      /sagong store: Cannot use the data directory .*: it belongs to cluster \w+ \(members m1=.*\), expected cluster \w+; use the --initial-cluster and --initial-cluster-token it was made with, or another --data-dir/,
    );

    const grown = as("grown", { "initial-cluster": `m1=${peer},m2=http://127.0.0.1:1` });
    grown.spawn();
    expect(await grown.exited).toBe(1);
    expect(grown.output).toContain("it belongs to cluster");

    await member.start();
    const second = as("second", {});
    second.spawn();
    expect(await second.exited).toBe(1);
    expect(second.output).toMatch(
      /: another process uses it; stop that process, or choose another/,
    );
    expect(await withChannel(member, keysOf)).toEqual(numbers(3));
    expect(await member.end("SIGTERM")).toBe(0);
  });

  it("whose log is damaged in the middle is refused, with the place", async () => {
    const member = await oneMember(join(root, "damaged"));
    const [segment = ""] = await writeAndKill(member, 30);
    const bytes = readFileSync(segment);
    const middle = Math.floor(endOfRecords(bytes) / 2);
    for (let i = middle; i < middle + 8; i++) bytes[i] = (bytes[i] ?? 0) ^ 0xff;
    writeFileSync(segment, bytes);
    member.spawn();
    expect(await member.exited).toBe(1);
    const [, offset = "", size = ""] =
      /sagong store: Cannot open the raft log: .*\.wal is damaged at offset (\d+) of (\d+), with acknowledged data behind it; restore this member from its peers/.exec(
        member.output,
      ) ?? [];
    expect(Number(size)).toBe(bytes.length);
    // The record that holds the damage began before it, and is a put of some hundred bytes.
    expect(middle - Number(offset)).toBeGreaterThanOrEqual(0);
    expect(middle - Number(offset)).toBeLessThan(400);
    expect(readFileSync(segment).equals(bytes)).toBe(true);
  });

  it("whose log ends in half a record is accepted: nobody was told of it", async () => {
    const member = await oneMember(join(root, "torn"));
    const [segment = ""] = await writeAndKill(member, 30);
    const bytes = readFileSync(segment);
    // The beginning of a record, as a write leaves it that the machine's end cut short.
    bytes.copy(bytes, endOfRecords(bytes), 0, 9);
    writeFileSync(segment, bytes);
    await member.start();
    expect(await withChannel(member, keysOf)).toEqual(numbers(30));
    await withChannel(member, (channel) => putNumber(channel, 30));
    await member.end("SIGKILL");
    await member.start();
    expect(await withChannel(member, keysOf)).toEqual(numbers(31));
    expect(await member.end("SIGTERM")).toBe(0);
  });

  it("whose log lost its last records is accepted, and goes on from what is left", async () => {
    const member = await oneMember(join(root, "cut"));
    const [segment = ""] = await writeAndKill(member, 30);
    truncateSync(segment, endOfRecords(readFileSync(segment)) - 500);
    await member.start();
    const before = await withChannel(member, keysOf);
    expect(before).toEqual(numbers(before.length));
    await withChannel(member, async (channel) => {
      for (let i = 30; i < 60; i++) await putNumber(channel, i);
    });
    await member.end("SIGKILL");
    await member.start();
    expect(await withChannel(member, keysOf)).toEqual([...before, ...numbers(60).slice(30)]);
    expect(await member.end("SIGTERM")).toBe(0);
  });

  it("whose database lost a part of its own log has it from raft's, and no holes", async () => {
    const member = await oneMember(join(root, "holes"));
    await writeAndKill(member, 300);
    const store = join(member.dataDir, "member", "store");
    const [log = ""] = readdirSync(store).filter((name) => name.endsWith(".log"));
    const bytes = readFileSync(join(store, log));
    const middle = Math.floor(endOfRecords(bytes) / 2);
    for (let i = middle; i < middle + 8; i++) bytes[i] = (bytes[i] ?? 0) ^ 0xff;
    writeFileSync(join(store, log), bytes);
    await member.start();
    expect(await withChannel(member, keysOf)).toEqual(numbers(300));
    expect(await member.end("SIGTERM")).toBe(0);
  });
});

describe("a store at its quota", () => {
  it("refuses what needs space, before it has an effect, and recovers without an operator", async () => {
    const flags = { "quota-backend-bytes": 4 * MEBIBYTE };
    const member = await oneMember(join(root, "quota"), flags);
    await member.start();
    await withChannel(member, async (channel) => {
      const { acknowledged, refusal } = await putUntilRefused(channel, MEBIBYTE / 2);
      expect(refusal).toMatchObject({
        code: StatusCode.resourceExhausted,
        message: "etcdserver: mvcc: database space exceeded",
      });
      expect(acknowledged).toBeGreaterThan(3);
      // Reads and what frees space go on, and the alarm is there for those who ask.
      expect(await keysOf(channel)).toEqual(numbers(acknowledged));
      const { alarms } = await channel.unary(maintenance.alarm, AlarmRequest.create(), OPTIONS);
      expect(alarms).toMatchObject([{ alarm: AlarmType.NOSPACE }]);
      const health = await fetch(`http://${member.endpoint}/health`);
      expect(await health.json()).toEqual({ health: "false", reason: "ALARM NOSPACE" });
      const request = DeleteRangeRequest.create(allKeys);
      const { header, deleted } = await channel.unary(kv.deleteRange, request, OPTIONS);
      expect(deleted).toBe(acknowledged);
      const compaction = { revision: header?.revision ?? 0, physical: true };
      await channel.unary(kv.compact, CompactionRequest.create(compaction), OPTIONS);
      await until("a put is taken again", LIMIT_MS, () => putNumber(channel, 0));
      const after = await channel.unary(maintenance.alarm, AlarmRequest.create(), OPTIONS);
      expect(after.alarms).toEqual([]);
    });
    expect(await member.end("SIGTERM")).toBe(0);
  });
});

describe("a full disk", () => {
  it("stops the member with a sentence, and nothing acknowledged is lost", async ({ skip }) => {
    const disk = mountSmallDisk();
    if (disk === undefined) return skip("needs root");
    try {
      const ballast = join(disk, "ballast");
      writeFileSync(ballast, new Uint8Array(BALLAST_BYTES));
      const member = await oneMember(join(disk, "data"));
      await member.start();
      const { acknowledged, refusal } = await withChannel(member, (channel) =>
        putUntilRefused(channel, 20 * KIBIBYTE),
      );
      expect(acknowledged).toBeGreaterThan(50);
      expect(refusal).toMatchObject({ code: StatusCode.unavailable });
      expect(await member.exited).toBe(1);
      expect(member.output).toMatch(
        /sagong store: stopped because Cannot write .*(ENOSPC|No space left on device)/,
      );

      // While there is no room it does not come up, and says why.
      fill(join(disk, "rest"));
      member.spawn();
      expect(await member.exited).toBe(1);
      expect(member.output).toMatch(/sagong store: .*(ENOSPC|No space left on device)/);

      rmSync(join(disk, "rest"));
      rmSync(ballast);
      await member.start();
      await withChannel(member, async (channel) => {
        const keys = await keysOf(channel);
        // The one that failed may be there or not.
        expect([acknowledged, acknowledged + 1]).toContain(keys.length);
        expect(keys).toEqual(numbers(keys.length));
        await putNumber(channel, keys.length);
      });
      expect(await member.end("SIGTERM")).toBe(0);
    } finally {
      await Promise.all(running.map((member) => member.end("SIGKILL")));
      spawnSync("umount", [disk]);
    }
  });
});

/** Undefined where we may not; in CI we must. */
function mountSmallDisk(): string | undefined {
  const disk = join(root, "disk");
  mkdirSync(disk);
  const mount = spawnSync("mount", ["-t", "tmpfs", "-o", DISK_SIZE, "tmpfs", disk]);
  if (mount.status === 0) return disk;
  if (process.env["CI"] === "true") throw new Error(`Cannot mount: ${String(mount.stderr)}`);
  console.log("skipped: needs root");
  return undefined;
}

/** Takes all room that is left. */
function fill(path: string): void {
  for (;;) {
    try {
      appendFileSync(path, new Uint8Array(4 * KIBIBYTE));
    } catch (error) {
      if (hasCode(error, "ENOSPC")) return;
      throw error;
    }
  }
}

/** Puts values of so many bytes; how many were acknowledged before the first refusal. */
async function putUntilRefused(
  channel: Channel,
  sizeBytes: number,
): Promise<{ readonly acknowledged: number; readonly refusal: unknown }> {
  for (let acknowledged = 0; ; acknowledged++) {
    try {
      await putNumber(channel, acknowledged, sizeBytes);
    } catch (refusal) {
      return { acknowledged, refusal };
    }
  }
}

/**
 * Our member and the original etcd, given the same requests, must give the same answers: to a random
 * sequence of everything that KV and Lease take, and about all of history in the end, by ranges at
 * each revision and by watches from the past.
 *
 * Not held against each other: ids, terms, the time that leases have left, how watches divide events
 * into responses, and requests that etcd 3.4 does not survive.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeUtf8, seededRandom } from "@sagong/base";
import { EventType } from "@sagong/kv/client";
import {
  DeleteRangeRequest,
  FilterType,
  KvService,
  PutRequest,
  RangeRequest,
} from "@sagong/kv/testing";
import { type Channel, createChannel, RpcError } from "@sagong/rpc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EtcdProcess } from "./support/etcd-process.js";
import { type AnyRequest, plainOf, RandomRequests } from "./support/random-requests.js";
import { storeCluster, type StoreProcess } from "./support/store-process.js";
import { findTool } from "./support/tools.js";
import { watchedEvents } from "./support/watched-events.js";

const REQUESTS = 2_000;
const FILTERS: readonly (readonly number[])[] = [[], [FilterType.NOPUT], [FilterType.NODELETE]];
/** Behind all others. */
const LAST_KEY = "\u{10ffff}";
/** Written before it, so that a watch begins before it wherever the last compaction was. */
const PADDING_KEY = "\u{10fffe}";
const seed = Number(process.env["SAGONG_ORACLE_SEED"] ?? Date.now() % 1_000_000);
const program = findTool("etcd");

describe.skipIf(program === undefined)("the original etcd (skipped: needs etcd)", () => {
  const dir = mkdtempSync(join(tmpdir(), "sagong-oracle-"));
  const original = new EtcdProcess();
  let member: StoreProcess | undefined;
  let ours: Channel;
  let theirs: Channel;

  beforeAll(async () => {
    [member] = await storeCluster(dir, { count: 1 });
    await Promise.all([member?.start(), original.start(program ?? "")]);
    ours = createChannel({ endpoint: `http://${member?.endpoint}` });
    theirs = createChannel({ endpoint: `http://${original.endpoint}` });
  });

  afterAll(async () => {
    await Promise.all([ours?.close(), theirs?.close()]);
    await Promise.all([member?.end("SIGTERM"), original.stop()]);
    rmSync(dir, { recursive: true, force: true });
  });

  it("answers as we do, whatever it is asked", async () => {
    console.log(`oracle: seed ${seed} (SAGONG_ORACLE_SEED)`);
    const requests = new RandomRequests(seededRandom(seed));
    const refusals = new Map<string, number>();
    for (let i = 0; i < REQUESTS; i++) {
      const request = requests.next();
      const [answer, wanted] = await Promise.all([ask(ours, request), ask(theirs, request)]);
      // Beside the answers, so that a difference comes with its request.
      const at = { seed, i, request: request.what };
      expect({ at, answer }).toEqual({ at, answer: wanted });
      requests.revision = Math.max(requests.revision, answer.revision);
      if (answer.refusal) refusals.set(answer.refusal, (refusals.get(answer.refusal) ?? 0) + 1);
      else if (request.compactsTo !== undefined) requests.compactRevision = request.compactsTo;
    }
    console.log(`oracle: ${REQUESTS} requests up to revision ${requests.revision}; refused`);
    for (const [refusal, count] of refusals) console.log(`  ${count} × ${refusal}`);
    // The sequence was worth it.
    expect(requests.revision).toBeGreaterThan(REQUESTS / 10);
    expect(refusals.size).toBeGreaterThan(8);
    await sameHistory(requests);
    await sameEvents(requests);
  });

  /** Of watches from revisions of the past, with every combination of what a watch may ask. */
  async function sameEvents({ revision, compactRevision }: RandomRequests): Promise<void> {
    for (const channel of [ours, theirs]) {
      for (const key of [PADDING_KEY, LAST_KEY].map(encodeUtf8)) {
        await channel.unary(KvService.methods.put, PutRequest.create({ key }));
        await channel.unary(KvService.methods.deleteRange, DeleteRangeRequest.create({ key }));
      }
    }
    // From the compacted revision itself etcd 3.4 loses deletions (its issues 18089 and 19179).
    const first = compactRevision + 2;
    for (const key of ["\0", "a/1", "b", "d"]) {
      for (const filters of FILTERS) {
        for (const prevKv of [false, true]) {
          const startRevision = prevKv ? first : Math.max(first, revision - 50);
          const range = { key: encodeUtf8(key), rangeEnd: encodeUtf8("\0") };
          const create = { ...range, startRevision, filters, prevKv };
          const type = filters.includes(FilterType.NODELETE) ? EventType.PUT : EventType.DELETE;
          const [events, wanted] = await Promise.all(
            [ours, theirs].map((channel) =>
              watchedEvents(channel, create, { key: LAST_KEY, type }),
            ),
          );
          const at = plainOf(create);
          expect({ at, events: plainOf(events) }).toEqual({ at, events: plainOf(wanted) });
        }
      }
    }
  }

  /** Everything, at every revision that is left. */
  async function sameHistory({ revision, compactRevision }: RandomRequests): Promise<void> {
    const everything = { key: encodeUtf8("\0"), rangeEnd: encodeUtf8("\0") };
    for (let at = Math.max(compactRevision, 1); at <= revision; at++) {
      const request = RangeRequest.create({ ...everything, revision: at });
      const [answer, wanted] = await Promise.all(
        [ours, theirs].map((channel) => channel.unary(KvService.methods.range, request)),
      );
      expect(plainOf(answer)).toEqual(plainOf(wanted));
    }
  }
});

interface Answer {
  /** Of the header; 0 without one. */
  readonly revision: number;
  readonly response?: unknown;
  /** Code and text. */
  readonly refusal?: string;
}

async function ask(channel: Channel, { send }: AnyRequest): Promise<Answer> {
  try {
    const response = await send(channel);
    return { revision: revisionOf(response), response: comparable(response) };
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    return { revision: 0, refusal: `${error.code} ${error.message}` };
  }
}

function revisionOf(response: unknown): number {
  // Every response here has a header.
  return (response as { header?: { revision: number } }).header?.revision ?? 0;
}

/** Lists that have no order are put in one; what a lease has left goes by the second. */
function comparable(response: unknown): unknown {
  const plain = plainOf(response);
  if (typeof plain !== "object" || plain === null) return plain;
  if ("leases" in plain && Array.isArray(plain.leases)) {
    const ids = plain.leases.map((lease: unknown) => JSON.stringify(lease));
    return { ...plain, leases: ids.toSorted() };
  }
  if ("grantedTtl" in plain && "ttl" in plain && "keys" in plain && Array.isArray(plain.keys)) {
    return { ...plain, ttl: Number(plain.ttl) > 0, keys: plain.keys.map(String).toSorted() };
  }
  return plain;
}

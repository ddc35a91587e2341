import { seededRandom, silentLogger, VirtualClock } from "@sagong/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { expired } from "../api/api-status.js";
import type { ConfigMap } from "../api/gen/core-v1.js";
import type { WatchEvent } from "../api/resource.js";
import { CONFIG_MAPS } from "../api/resources.js";
import {
  INITIAL_EVENTS_END,
  type ObjectClient,
  type WatchOptions,
} from "../client/object-client.js";
import { type MemoryCluster, openMemoryCluster } from "../testing/memory-cluster.js";
import { elapse, elapseUntil, settle } from "../testing/virtual-time.js";
import { Informer } from "./informer.js";

const clock = new VirtualClock();

/** What a watch does next: give an event, or end, or throw. */
type Step = WatchEvent<ConfigMap> | "end" | Error;

/** A server whose watches follow a script; a watch with nothing left to do waits to be closed. */
class ScriptedWatches {
  readonly asked: WatchOptions[] = [];
  readonly #steps: Step[] = [];
  #wake: () => void = () => {};

  next(...steps: Step[]): void {
    this.#steps.push(...steps);
    this.#wake();
  }

  /** Only watches are called by an informer. */
  get client(): ObjectClient {
    const watch = (_resource: unknown, options: WatchOptions): AsyncIterable<unknown> => {
      this.asked.push(options);
      return this.#play(options.signal);
    };
    return { watch } as unknown as ObjectClient;
  }

  async *#play(signal: AbortSignal | undefined): AsyncGenerator {
    while (!signal?.aborted) {
      const step = this.#steps.shift();
      if (step === "end") return;
      if (step instanceof Error) throw step;
      if (step) yield step;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          signal?.addEventListener("abort", () => resolve());
        });
    }
  }
}

function object(name: string, version: number, uid: string = `uid-${name}`): ConfigMap {
  return { metadata: { name, namespace: "default", uid, resourceVersion: String(version) } };
}

const added = (...args: Parameters<typeof object>): Step => ({
  type: "ADDED",
  object: object(...args),
});
const modified = (...args: Parameters<typeof object>): Step => ({
  type: "MODIFIED",
  object: object(...args),
});
const deleted = (...args: Parameters<typeof object>): Step => ({
  type: "DELETED",
  object: object(...args),
});
function bookmark(version: number, { isEnd = false } = {}): Step {
  const annotations = isEnd ? { [INITIAL_EVENTS_END]: "true" } : {};
  return { type: "BOOKMARK", object: { metadata: { resourceVersion: `${version}`, annotations } } };
}
const synced = (version: number): Step => bookmark(version, { isEnd: true });

function open(server: ScriptedWatches, told: string[] = []): Informer<ConfigMap> {
  const informer = new Informer(
    { resource: CONFIG_MAPS },
    { client: server.client, clock, logger: silentLogger },
  );
  informer.onChange((now, before) => void told.push(textOf(now, before)));
  return informer.start();
}

function textOf(now: ConfigMap | undefined, before: ConfigMap | undefined): string {
  const version = (one: ConfigMap | undefined): string => one?.metadata.resourceVersion ?? "-";
  return `${(now ?? before)?.metadata.name} ${version(before)}→${version(now)}`;
}

const namesOf = (informer: Informer<ConfigMap>): (string | undefined)[] =>
  informer.list().map(({ metadata }) => metadata.name);

describe("Informer", () => {
  it("tells nobody anything before a first complete set is there", async () => {
    const server = new ScriptedWatches();
    const told: string[] = [];
    const informer = open(server, told);
    server.next(added("a", 1), added("b", 2));
    await settle();
    expect([told, informer.hasSynced, informer.list()]).toEqual([[], false, []]);
    server.next(synced(5));
    await informer.synced();
    expect(told).toEqual(["a -→1", "b -→2"]);
    expect(informer.get("default/b")).toEqual(object("b", 2));
    await informer.close();
  });

  it("begins anew where a first reading was cut off, and forgets its half", async () => {
    const server = new ScriptedWatches();
    const informer = open(server);
    server.next(added("gone", 1), new Error("connection reset"), added("a", 2), synced(9));
    await elapseUntil(clock, () => informer.hasSynced);
    expect(namesOf(informer)).toEqual(["a"]);
    expect(server.asked.map(({ sendInitialEvents }) => sendInitialEvents)).toEqual([true, true]);
    await informer.close();
  });

  it("follows changes, and tells what was before", async () => {
    const server = new ScriptedWatches();
    const told: string[] = [];
    const informer = open(server, told);
    server.next(added("a", 1), synced(1), added("b", 2), modified("a", 3), deleted("b", 4));
    await settle();
    expect(told).toEqual(["a -→1", "b -→2", "a 1→3", "b 2→-"]);
    expect(namesOf(informer)).toEqual(["a"]);
    await informer.close();
  });

  it("resumes at the last version that it saw, a bookmark's included, without reading again", async () => {
    const server = new ScriptedWatches();
    const told: string[] = [];
    const informer = open(server, told);
    server.next(added("a", 1), synced(5), modified("a", 7), "end", bookmark(12));
    server.next(new Error("connection reset"), modified("a", 15));
    await elapse(clock, 5_000);
    expect(server.asked.map(({ resourceVersion }) => resourceVersion)).toEqual([
      undefined,
      "7",
      "12",
    ]);
    expect(told).toEqual(["a -→1", "a 1→7", "a 7→15"]);
    await informer.close();
  });

  it("reads anew after 410 Expired, and tells the difference only as such", async () => {
    const server = new ScriptedWatches();
    const told: string[] = [];
    const informer = open(server, told);
    server.next(
      added("kept", 1),
      added("gone", 2),
      synced(3),
      "end",
      expired("too old resource version: 5 (9)"),
      "end",
    );
    await elapse(clock, 300);
    told.length = 0;
    server.next(added("kept", 8), added("new", 9), synced(10));
    await elapse(clock, 5_000);
    expect(server.asked.at(-1)?.sendInitialEvents).toBe(true);
    expect(told).toEqual(["gone 2→-", "kept 1→8", "new -→9"]);
    await informer.close();
  });

  it("tells of an object that took another's name as of two: one gone, one new", async () => {
    const server = new ScriptedWatches();
    const told: string[] = [];
    const informer = open(server, told);
    server.next(
      added("a", 1, "first"),
      synced(3),
      "end",
      expired("too old resource version: 5 (9)"),
    );
    server.next(added("a", 8, "second"), synced(10));
    await elapse(clock, 5_000);
    expect(told).toEqual(["a -→1", "a 1→-", "a -→8"]);
    await informer.close();
  });

  it("calls handlers in the order in which they came, and goes on past one that throws", async () => {
    const server = new ScriptedWatches();
    const informer = open(server);
    const called: string[] = [];
    informer.onChange(() => {
      called.push("first");
      throw new Error("a bug of a handler");
    });
    informer.onChange(() => void called.push("second"));
    server.next(added("a", 1), synced(1));
    await informer.synced();
    expect(called).toEqual(["first", "second"]);
    expect(server.asked).toHaveLength(1);
    await informer.close();
  });

  it("onChange() tells a late handler of everything that is there", async () => {
    const server = new ScriptedWatches();
    const informer = open(server);
    server.next(added("a", 1), added("b", 2), synced(2));
    await informer.synced();
    const told: string[] = [];
    informer.onChange((now, before) => void told.push(textOf(now, before)));
    expect(told).toEqual(["a -→1", "b -→2"]);
    await informer.close();
  });

  it("waits longer after each failure in a row, 10 s at most, and is quick again after an event", async () => {
    const server = new ScriptedWatches();
    const informer = open(server);
    server.next(added("a", 1), synced(1));
    await informer.synced();
    server.next(...Array.from({ length: 9 }, () => new Error("connection refused")));
    const beganMs = clock.monotonicMs();
    await elapseUntil(clock, () => server.asked.length === 10, 120_000);
    expect(clock.monotonicMs() - beganMs).toBe(200 + 400 + 800 + 1600 + 3200 + 6400 + 3 * 10_000);
    server.next(modified("a", 3), new Error("connection reset"));
    await elapse(clock, 200);
    expect(server.asked).toHaveLength(11);
    await informer.close();
  });

  it("close() ends a watch that waits", async () => {
    const server = new ScriptedWatches();
    const informer = open(server);
    await settle();
    await informer.close();
    expect(server.asked[0]?.signal?.aborted).toBe(true);
  });
});

describe("Informer on a registry", () => {
  let cluster: MemoryCluster;
  beforeEach(async () => {
    cluster = await openMemoryCluster({ clock });
  });
  afterEach(() => cluster.close());

  it("comes to hold what the registry holds, whatever happens to its objects and its history", async () => {
    const { client } = cluster;
    const random = seededRandom(3);
    const informer = new Informer(
      { resource: CONFIG_MAPS },
      { client, clock, logger: silentLogger },
    ).start();
    const mirrored = new Map<string, string | undefined>();
    informer.onChange((now, before) => {
      if (now) mirrored.set(now.metadata.name ?? "", now.metadata.uid);
      else mirrored.delete(before?.metadata.name ?? "");
    });
    await informer.synced();
    for (let step = 0; step < 200; step++) {
      const name = `c-${random.nextUint32() % 5}`;
      const key = { namespace: "default", name };
      const there = await client.get(CONFIG_MAPS, key).catch(() => undefined);
      if (!there) await client.create(CONFIG_MAPS, { metadata: key });
      else if (random.nextUint32() % 2) await client.delete(CONFIG_MAPS, key);
      else await client.update(CONFIG_MAPS, { ...there, data: { step: `${step}` } });
    }
    await settle();
    const { items } = await client.list(CONFIG_MAPS, { namespace: "default" });
    const byName = (all: readonly ConfigMap[]): ConfigMap[] =>
      all.toSorted((a, b) => (a.metadata.name ?? "").localeCompare(b.metadata.name ?? ""));
    expect(byName(informer.list())).toEqual(byName(items));
    expect(mirrored).toEqual(
      new Map(items.map(({ metadata }) => [metadata.name ?? "", metadata.uid])),
    );
    await informer.close();
  });
});

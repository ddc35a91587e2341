/** What every `ObjectClient` does on watch. */
import { expect } from "vitest";
import type { ConfigMap } from "../../api/gen/core-v1.js";
import { INITIAL_EVENTS_END } from "../../client/object-client.js";
import { CONFIG_MAPS, LEASES, PODS } from "../../api/resources.js";
import {
  type DefineTest,
  configMap,
  follow,
  namesOf,
  podOf,
  refusal,
  textOf,
  versionOf,
} from "./test-objects.js";

export function watchTests(test: DefineTest): void {
  test("watch() gives what is there, a bookmark, and what follows", async (client, namespace) => {
    for (const name of ["a", "b"]) await client.create(CONFIG_MAPS, configMap(namespace, name));
    const watch = follow(client, CONFIG_MAPS, { namespace, sendInitialEvents: true });
    expect(textOf(await watch.next())).toBe("ADDED a");
    expect(textOf(await watch.next())).toBe("ADDED b");
    const end = await watch.next();
    expect(end.type).toBe("BOOKMARK");
    expect(end.object.metadata.annotations?.[INITIAL_EVENTS_END]).toBe("true");
    const c = await client.create(CONFIG_MAPS, configMap(namespace, "c"));
    expect(versionOf(c)).toBeGreaterThan(versionOf(end.object));
    const d = await client.update(CONFIG_MAPS, { ...c, data: { a: "1" } });
    await client.delete(CONFIG_MAPS, { namespace, name: "c" });
    const added = await watch.next();
    expect(added).toEqual({ type: "ADDED", object: c });
    const modified = await watch.next();
    expect(modified).toEqual({ type: "MODIFIED", object: d });
    const deleted = await watch.next();
    expect(textOf(deleted)).toBe("DELETED c");
    expect(versionOf(deleted.object)).toBeGreaterThan(versionOf(d));
    await watch.end();
  });

  test("watch() from a list's version misses nothing and repeats nothing", async (client, namespace) => {
    await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    const { metadata } = await client.list(CONFIG_MAPS, { namespace });
    await client.create(CONFIG_MAPS, configMap(namespace, "b"));
    const { resourceVersion } = metadata;
    const watch = follow(client, CONFIG_MAPS, { namespace, resourceVersion });
    expect(textOf(await watch.next())).toBe("ADDED b");
    await client.create(CONFIG_MAPS, configMap(namespace, "c"));
    expect(textOf(await watch.next())).toBe("ADDED c");
    await watch.end();
  });

  test("watch() from now on, without initial events, gives what follows only", async (client, namespace) => {
    await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    const watch = follow(client, CONFIG_MAPS, { namespace, sendInitialEvents: false });
    const next = watch.next();
    // Where exactly it begins is the server's affair: objects are made until one is seen.
    let name: string | undefined;
    const seen = next.then((event) => {
      name = textOf(event);
    });
    for (let i = 0; i < 1_000 && name === undefined; i++) {
      await client.create(CONFIG_MAPS, configMap(namespace, `b-${i}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await seen;
    expect(name).toMatch(/^ADDED b-\d+$/);
    await watch.end();
  });

  test("watch() gives many events in order, each once", async (client, namespace) => {
    const start = await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    const { resourceVersion } = start.metadata;
    const watch = follow(client, CONFIG_MAPS, { namespace, resourceVersion });
    const count = 300;
    const versions: number[] = [];
    for (let i = 1; i <= count; i++) {
      const next = await client.update(CONFIG_MAPS, configMap(namespace, "a", { i: String(i) }));
      versions.push(versionOf(next));
    }
    const seen: number[] = [];
    for (let i = 1; i <= count; i++) seen.push(versionOf((await watch.next()).object));
    expect(seen).toEqual(versions);
    await watch.end();
  });

  test("watch() with a selector sees objects come and go as they match", async (client, namespace) => {
    const base = await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    const { resourceVersion } = base.metadata;
    const watch = follow(client, CONFIG_MAPS, {
      namespace,
      labelSelector: "on=yes",
      resourceVersion,
    });
    const label = (on: string, data: string): Promise<ConfigMap> => {
      const object = configMap(namespace, "a", { data });
      return client.update(CONFIG_MAPS, {
        ...object,
        metadata: { ...object.metadata, labels: { on } },
      });
    };
    await label("yes", "1");
    await label("yes", "2");
    const gone = await label("no", "3");
    await label("yes", "4");
    expect(textOf(await watch.next())).toBe("ADDED a");
    expect(textOf(await watch.next())).toBe("MODIFIED a");
    const left = await watch.next();
    expect(left.type).toBe("DELETED");
    expect(left.object.data).toEqual({ data: "2" });
    expect(versionOf(left.object)).toBe(versionOf(gone));
    expect(textOf(await watch.next())).toBe("ADDED a");
    await watch.end();
  });

  test("watch() of a single object by field selector sees no other", async (client, namespace) => {
    const fieldSelector = "metadata.name=b";
    const watch = follow(client, PODS, { namespace, fieldSelector, sendInitialEvents: true });
    expect((await watch.next()).type).toBe("BOOKMARK");
    for (const name of ["a", "b"]) await client.create(PODS, podOf(namespace, name));
    expect(textOf(await watch.next())).toBe("ADDED b");
    await watch.end();
  });
}

export function watchEndTests(test: DefineTest): void {
  test("watch() refuses a version that is too old with Expired", async (client, namespace) => {
    // No other test touches leases: their history begins with the first question.
    await client.create(LEASES, { metadata: { name: "a", namespace } });
    const watch = follow(client, LEASES, { namespace, resourceVersion: "1" });
    const error = await refusal(watch.next(), "Expired");
    expect(error.code).toBe(410);
    expect(error.message).toContain("too old resource version: 1");
  });

  test("watch() refuses a selector that cannot be read with BadRequest", async (client, namespace) => {
    const watch = follow(client, PODS, { namespace, labelSelector: "a==b==c" });
    await refusal(watch.next(), "BadRequest");
  });

  test("watch() ends normally when it is aborted while it waits", async (client, namespace) => {
    const abort = new AbortController();
    const watch = follow(client, CONFIG_MAPS, {
      namespace,
      sendInitialEvents: true,
      signal: abort.signal,
    });
    expect((await watch.next()).type).toBe("BOOKMARK");
    const rest = watch.rest();
    abort.abort(new Error("enough"));
    expect(await rest).toEqual([]);
  });

  test("watch() ends normally when it is aborted before it begins", async (client, namespace) => {
    const signal = AbortSignal.abort(new Error("enough"));
    expect(await follow(client, CONFIG_MAPS, { namespace, signal }).rest()).toEqual([]);
  });

  test("watch() ends normally after timeoutSeconds", async (client, namespace) => {
    await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    const watch = follow(client, CONFIG_MAPS, { namespace, timeoutSeconds: 1 });
    expect((await watch.rest()).map(textOf)).toEqual(["ADDED a"]);
  });

  test("watch() lets the reader leave at any event", async (client, namespace) => {
    await client.create(CONFIG_MAPS, configMap(namespace, "a"));
    for await (const event of client.watch(CONFIG_MAPS, { namespace })) {
      expect(textOf(event)).toBe("ADDED a");
      break;
    }
    // The connection is free for others.
    expect(namesOf(await client.list(CONFIG_MAPS, { namespace }))).toEqual(["a"]);
  });
}

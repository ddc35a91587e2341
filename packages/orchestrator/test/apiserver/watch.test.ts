import { once } from "node:events";
import { request as httpsRequest } from "node:https";
import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, type Lines, openServer, type ServerFixture, textAt, type Tree } from "./fixture.js";
import { configMap } from "./objects.js";

let server: ServerFixture;
let namespaces = 0;
beforeAll(async () => {
  server = await openServer();
});
afterAll(() => server.close());

/** A namespace of its own for each test: watches see nothing of the others. */
async function collection(): Promise<string> {
  const name = `watch-${++namespaces}`;
  await server.send({ method: "POST", path: "/api/v1/namespaces", body: { metadata: { name } } });
  return `/api/v1/namespaces/${name}/configmaps`;
}

async function create(path: string, name: string, labels: object = {}): Promise<Tree> {
  const body = configMap(name, { metadata: { name, labels } });
  const answer = await server.send({ method: "POST", path, body });
  expect(answer.status).toBe(201);
  return answer.json();
}

async function label(path: string, labels: object): Promise<Tree> {
  const headers = { "content-type": "application/merge-patch+json" };
  const body = JSON.stringify({ metadata: { labels } });
  return (await server.send({ method: "PATCH", path, headers, body })).json();
}

const remove = async (path: string): Promise<void> => {
  await server.send({ method: "DELETE", path });
};

async function versionOf(path: string): Promise<string> {
  return textAt((await server.send({ path })).json(), "metadata.resourceVersion");
}

function brief(event: Tree | undefined): unknown[] {
  return [event?.["type"], at(event, "object.metadata.name")];
}

async function take(lines: Lines, count: number): Promise<unknown[][]> {
  const taken: unknown[][] = [];
  for (let i = 0; i < count; i++) taken.push(brief(await lines.next()));
  return taken;
}

describe.each([1, 2] as const)("watches over HTTP/%d", (http) => {
  const open = (path: string, query: string, accept?: string): Promise<Lines> =>
    server.open({
      path: `${path}?watch=true&${query}`,
      http,
      ...(accept === undefined ? {} : { headers: { accept } }),
    });

  it("give what is there, then every change in order", async () => {
    const path = await collection();
    await create(path, "a");
    const watch = await open(path, "");
    expect(watch.status).toBe(200);
    expect(await take(watch, 1)).toEqual([["ADDED", "a"]]);
    await create(path, "b");
    await label(`${path}/a`, { x: "1" });
    await remove(`${path}/b`);
    expect(await take(watch, 2)).toEqual([
      ["ADDED", "b"],
      ["MODIFIED", "a"],
    ]);
    const deleted = await watch.next();
    expect(brief(deleted)).toEqual(["DELETED", "b"]);
    expect(at(deleted, "object.data")).toEqual({ a: "1" });
    expect(at(deleted, "object.kind")).toBe("ConfigMap");
    watch.stop();
  });

  it("from a version give what came after it, and nothing twice", async () => {
    const path = await collection();
    await create(path, "a");
    const version = await versionOf(path);
    await create(path, "b");
    await remove(`${path}/b`);
    const watch = await open(path, `resourceVersion=${version}`);
    expect(await take(watch, 2)).toEqual([
      ["ADDED", "b"],
      ["DELETED", "b"],
    ]);
    await create(path, "c");
    expect(await take(watch, 1)).toEqual([["ADDED", "c"]]);
    watch.stop();
  });

  it("from version 0 begin with what is there", async () => {
    const path = await collection();
    await create(path, "a");
    const watch = await open(path, "resourceVersion=0");
    expect(await take(watch, 1)).toEqual([["ADDED", "a"]]);
    watch.stop();
  });

  it("sendInitialEvents: what is there, the mark, then changes", async () => {
    const path = await collection();
    await create(path, "a");
    await create(path, "b");
    const query =
      "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const watch = await open(path, query);
    expect(await take(watch, 2)).toEqual([
      ["ADDED", "a"],
      ["ADDED", "b"],
    ]);
    const mark = await watch.next();
    expect(mark).toEqual({
      type: "BOOKMARK",
      object: {
        kind: "ConfigMap",
        apiVersion: "v1",
        metadata: {
          resourceVersion: expect.stringMatching(/^\d+$/) as unknown,
          annotations: { "k8s.io/initial-events-end": "true" },
        },
      },
    });
    // The mark is at or after everything that was there.
    expect(Number(at(mark, "object.metadata.resourceVersion"))).toBeGreaterThanOrEqual(
      Number(await versionOf(`${path}/b`)),
    );
    await create(path, "c");
    expect(await take(watch, 1)).toEqual([["ADDED", "c"]]);
    watch.stop();
  });

  it("sendInitialEvents=false begins now", async () => {
    const path = await collection();
    await create(path, "a");
    const watch = await open(path, "sendInitialEvents=false&resourceVersionMatch=NotOlderThan");
    await create(path, "b");
    expect(await take(watch, 1)).toEqual([["ADDED", "b"]]);
    watch.stop();
  });

  it("with a selector turn coming and going into ADDED and DELETED", async () => {
    const path = await collection();
    await create(path, "a", { color: "red" });
    const watch = await open(path, "labelSelector=color%3Dblue");
    const blue = await label(`${path}/a`, { color: "blue" });
    expect(await watch.next()).toMatchObject({ type: "ADDED", object: blue });
    const green = await label(`${path}/a`, { color: "green" });
    const going = await watch.next();
    // As it was when it was selected last, at the version of its going.
    expect(going).toMatchObject({
      type: "DELETED",
      object: { metadata: { labels: { color: "blue" } } },
    });
    expect(at(going, "object.metadata.resourceVersion")).toBe(
      at(green, "metadata.resourceVersion"),
    );
    await label(`${path}/a`, { other: "1" });
    await label(`${path}/a`, { color: "blue" });
    expect(await take(watch, 1)).toEqual([["ADDED", "a"]]);
    watch.stop();
  });

  it("of one object by its name, and by a field selector", async () => {
    const path = await collection();
    await create(path, "a");
    const watch = await open(path, "fieldSelector=metadata.name%3Db");
    const single = await open(`${path}/b`, "");
    await create(path, "b");
    expect(await take(watch, 1)).toEqual([["ADDED", "b"]]);
    expect(await take(single, 1)).toEqual([["ADDED", "b"]]);
    watch.stop();
    single.stop();
  });

  it("give Tables where Tables are asked for", async () => {
    const path = await collection();
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const query =
      "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const watch = await open(path, query, accept);
    const mark = await watch.next();
    expect(mark).toMatchObject({ type: "BOOKMARK", object: { kind: "Table" } });
    expect(at(mark, "object.rows.0.object.metadata.annotations")).toEqual({
      "k8s.io/initial-events-end": "true",
    });
    await create(path, "a");
    const event = await watch.next();
    expect(event).toMatchObject({ type: "ADDED", object: { kind: "Table" } });
    expect(at(event, "object.rows.0.cells.0")).toBe("a");
    watch.stop();
  });

  it("end when their time is over", async () => {
    const path = await collection();
    await create(path, "a");
    const watch = await open(path, "timeoutSeconds=1");
    const events = await watch.rest();
    expect(events.map(brief)).toEqual([["ADDED", "a"]]);
  });

  it("too old a version is Expired: the client reads anew", async () => {
    const path = await collection();
    const version = await versionOf(path);
    await create(path, "a");
    // A version before this server's cache of the resource began cannot be gone on from.
    const answer = await server.send({
      path: `${path.replace("configmaps", "serviceaccounts")}?watch=true&resourceVersion=1`,
      http,
    });
    const text = answer.text;
    const status = answer.status === 200 ? (JSON.parse(text) as Tree)["object"] : answer.json();
    expect(status).toMatchObject({
      kind: "Status",
      code: 410,
      reason: "Expired",
      message: expect.stringMatching(/^too old resource version: 1 \(\d+\)$/) as unknown,
    });
    expect(Number(version)).toBeGreaterThan(1);
  });

  it.each([
    [
      "sendInitialEvents=true",
      "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
    ],
    [
      "resourceVersionMatch=NotOlderThan",
      "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
    ],
    ["sendInitialEvents=true&resourceVersionMatch=Exact", 'Unsupported value: "Exact"'],
    ["timeoutSeconds=soon", "timeoutSeconds: Invalid value"],
    ["labelSelector=a%3D%3D%3D", "unable to parse requirement"],
    ["resourceVersion=x", "resourceVersion: Invalid value"],
  ])("%s is refused before the stream begins", async (query, message) => {
    const path = `/api/v1/namespaces/default/configmaps?watch=true&${query}`;
    const answer = await server.send({ path, http });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(textAt(answer.json(), "message")).toContain(message);
  });

  it("many watchers of one collection see one order", async () => {
    const path = await collection();
    const watches = await Promise.all(Array.from({ length: 5 }, () => open(path, "")));
    const names = Array.from({ length: 20 }, (_, i) => `n${i}`);
    await Promise.all(names.map((name) => create(path, name)));
    const seen = await Promise.all(watches.map((watch) => take(watch, names.length)));
    for (const one of seen) expect(one).toEqual(seen[0]);
    expect(seen[0]?.map(([, name]) => name).toSorted()).toEqual(names.toSorted());
    for (const watch of watches) watch.stop();
  });
});

describe("watches that are not read", () => {
  it("are cut off, and hold up nobody", async () => {
    const path = await collection();
    const outgoing = httpsRequest({
      host: "127.0.0.1",
      port: server.port,
      path: `${path}?watch=true&timeoutSeconds=1`,
      ...server.tls,
    });
    outgoing.end();
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage]; // node:http's event.
    incoming.pause();
    const reader = await server.open({ path: `${path}?watch=true` });
    const data = { large: "x".repeat(500_000) };
    for (let i = 0; i < 30; i++) {
      await server.send({ method: "POST", path, body: configMap(`large-${i}`, { data }) });
      expect(brief(await reader.next())).toEqual(["ADDED", `large-${i}`]);
    }
    reader.stop();
    // The server gives up the one that does not read: its long-running requests go to none.
    for (;;) {
      const { text } = await server.send({ path: "/metrics" });
      if (text.includes("apiserver_longrunning_requests 0\n")) break;
    }
    outgoing.destroy();
  });
});

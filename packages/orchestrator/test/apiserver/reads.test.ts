import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, at, openServer, type ServerFixture, textAt, type Tree } from "./fixture.js";
import { CONFIG_MAPS, configMap, pod, PODS } from "./objects.js";

let server: ServerFixture;
beforeAll(async () => {
  server = await openServer();
  for (const name of ["a", "b", "c", "d", "e"]) {
    const labels = { name, kind: name < "c" ? "vowelish" : "other" };
    await create(CONFIG_MAPS, configMap(name, { metadata: { name, labels } }));
  }
  await create("/api/v1/namespaces", { metadata: { name: "other" } });
  await create("/api/v1/namespaces/other/configmaps", configMap("a"));
  await create(PODS, pod("p1"));
  await create(PODS, pod("p2"));
  await create(`${PODS}/p2/binding`, { target: { name: "node-1" } });
});
afterAll(() => server.close());

async function create(path: string, body: unknown): Promise<Tree> {
  const answer = await server.send({ method: "POST", path, body });
  expect(answer.status).toBe(201);
  return answer.json();
}

const get = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  server.send({ path, headers });

async function list(query: string, path: string = CONFIG_MAPS): Promise<Tree> {
  const answer = await get(`${path}?${query}`);
  expect([answer.status, answer.text.slice(0, 300)]).toEqual([200, expect.any(String)]);
  return answer.json();
}

function names(tree: Tree): unknown[] {
  return (tree["items"] as Tree[]).map((item) => at(item, "metadata.name"));
}

async function refusal(query: string, path: string = CONFIG_MAPS): Promise<Tree> {
  const answer = await get(`${path}?${query}`);
  expect(answer.status).toBeGreaterThanOrEqual(400);
  return answer.json();
}

describe("lists", () => {
  it("are of one namespace or of all, in order of keys, items without kinds", async () => {
    const own = await list("");
    expect(own).toMatchObject({ kind: "ConfigMapList", apiVersion: "v1" });
    expect(names(own)).toEqual(["a", "b", "c", "d", "e"]);
    expect((own["items"] as Tree[])[0]).not.toHaveProperty("kind");
    expect(names(await list("", "/api/v1/configmaps"))).toEqual(["a", "b", "c", "d", "e", "a"]);
  });

  it.each([
    ["kind=other", ["c", "d", "e"]],
    ["kind!=other", ["a", "b"]],
    ["name in (a,c),kind", ["a", "c"]],
    ["name notin (a,b,c,d)", ["e"]],
    ["!kind", []],
    ["nothing", []],
  ])("label selector %s", async (selector, expected) => {
    expect(names(await list(`labelSelector=${encodeURIComponent(selector)}`))).toEqual(expected);
  });

  it.each([
    ["metadata.name=b", CONFIG_MAPS, ["b"]],
    ["metadata.name!=b,metadata.namespace=default", CONFIG_MAPS, ["a", "c", "d", "e"]],
    ["spec.nodeName=node-1", PODS, ["p2"]],
    ["spec.nodeName=", PODS, ["p1"]],
    ["status.phase==Pending", PODS, ["p1", "p2"]],
  ])("field selector %s", async (selector, path, expected) => {
    const query = `fieldSelector=${encodeURIComponent(selector)}`;
    expect(names(await list(query, path))).toEqual(expected);
  });

  it("refuses selectors that it cannot keep to", async () => {
    expect(await refusal("fieldSelector=data.a%3D1")).toMatchObject({
      code: 400,
      message: expect.stringContaining("field label not supported: data.a") as unknown,
    });
    expect(await refusal("labelSelector=a%3D%3D%3Db")).toMatchObject({ code: 400 });
    expect(await refusal("limit=many")).toMatchObject({ code: 400 });
  });
});

describe("pages", () => {
  it("are all of one version, whatever is written meanwhile", async () => {
    const first = await list("limit=2");
    expect(names(first)).toEqual(["a", "b"]);
    expect(at(first, "metadata.remainingItemCount")).toBe(3);
    await create(CONFIG_MAPS, configMap("bb"));
    const next = encodeURIComponent(textAt(first, "metadata.continue"));
    const second = await list(`limit=2&continue=${next}`);
    expect(names(second)).toEqual(["c", "d"]);
    expect(at(second, "metadata.resourceVersion")).toBe(at(first, "metadata.resourceVersion"));
    const last = await list(
      `limit=2&continue=${encodeURIComponent(textAt(second, "metadata.continue"))}`,
    );
    expect(names(last)).toEqual(["e"]);
    expect(last["metadata"]).toEqual({ resourceVersion: at(first, "metadata.resourceVersion") });
    await server.send({ method: "DELETE", path: `${CONFIG_MAPS}/bb` });
  });

  it("with selectors are filled, and not counted", async () => {
    const first = await list("limit=2&labelSelector=kind%3Dother");
    expect(names(first)).toEqual(["c", "d"]);
    expect(at(first, "metadata.remainingItemCount")).toBeUndefined();
    const next = encodeURIComponent(textAt(first, "metadata.continue"));
    const rest = await list(`limit=2&labelSelector=kind%3Dother&continue=${next}`);
    expect(names(rest)).toEqual(["e"]);
    expect(at(rest, "metadata.continue")).toBeUndefined();
  });

  it("a token leads nowhere but on in its own list", async () => {
    const first = await list("limit=1");
    const token = textAt(first, "metadata.continue");
    const query = `continue=${encodeURIComponent(token)}`;
    // A token of config maps, given to secrets and to another namespace, shows no config maps.
    const secrets = await get(`/api/v1/namespaces/default/secrets?${query}`);
    expect(secrets.json()).toMatchObject({ kind: "SecretList", items: [] });
    expect(names(await list(query, "/api/v1/namespaces/other/configmaps"))).toEqual([]);
    expect(await refusal("continue=nonsense")).toMatchObject({
      code: 400,
      message: expect.stringContaining("continue key is not valid") as unknown,
    });
    expect(await refusal(`${query}&resourceVersion=5`)).toMatchObject({
      code: 400,
      message: "specifying resource version is not allowed when using continue",
    });
  });

  it("of a version that is compacted answer 410, with a token for the rest as it is now", async () => {
    const first = await list("limit=2");
    await create(CONFIG_MAPS, configMap("cc"));
    server.cluster.storage.compact();
    const next = encodeURIComponent(textAt(first, "metadata.continue"));
    const gone = await refusal(`limit=2&continue=${next}`);
    expect(gone).toMatchObject({
      code: 410,
      reason: "Expired",
      message: expect.stringMatching(/^The provided continue parameter is too old/) as unknown,
    });
    const token = encodeURIComponent(textAt(gone, "metadata.continue"));
    expect(names(await list(`continue=${token}`))).toEqual(["c", "cc", "d", "e"]);
    await server.send({ method: "DELETE", path: `${CONFIG_MAPS}/cc` });
  });
});

describe("resource versions", () => {
  it("0 is whatever is there, N not older than N, Exact just N", async () => {
    const before = await list("");
    const version = textAt(before, "metadata.resourceVersion");
    await create(CONFIG_MAPS, configMap("rv"));
    const now = textAt(await list(""), "metadata.resourceVersion");
    expect(Number(now)).toBeGreaterThan(Number(version));
    expect(names(await list(`resourceVersion=${now}`))).toContain("rv");
    const exact = await list(`resourceVersion=${version}&resourceVersionMatch=Exact`);
    expect(exact).toEqual(before);
    expect(
      Number(textAt(await list("resourceVersion=0"), "metadata.resourceVersion")),
    ).toBeGreaterThan(0);
    await server.send({ method: "DELETE", path: `${CONFIG_MAPS}/rv` });
  });

  it("a version of the future is a Timeout with its cause", async () => {
    expect(await refusal("resourceVersion=1000000&limit=5")).toMatchObject({
      code: 504,
      reason: "Timeout",
      message: expect.stringMatching(
        /^Timeout: Too large resource version: 1000000, current: \d+$/,
      ) as unknown,
      details: {
        causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
        retryAfterSeconds: 1,
      },
    });
  });

  it("a compacted version is Expired", async () => {
    await create(CONFIG_MAPS, configMap("exp"));
    server.cluster.storage.compact();
    expect(await refusal("resourceVersion=2&resourceVersionMatch=Exact")).toMatchObject({
      code: 410,
      reason: "Expired",
    });
    await server.send({ method: "DELETE", path: `${CONFIG_MAPS}/exp` });
  });

  it.each([
    ["resourceVersion=x", 400, "resourceVersion: Invalid value"],
    [
      "resourceVersionMatch=Exact",
      422,
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    ],
    [
      "resourceVersionMatch=Exact&resourceVersion=0",
      422,
      'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    ],
    ["resourceVersionMatch=Some&resourceVersion=1", 422, 'Unsupported value: "Some"'],
  ])("%s is refused", async (query, code, message) => {
    const status = await refusal(query);
    expect(status["code"]).toBe(code);
    expect(textAt(status, "message")).toContain(message);
  });
});

describe("forms", () => {
  const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

  it("a Table has columns, cells, and metadata of each object", async () => {
    const answer = await get(PODS, { accept: TABLE });
    const table = answer.json();
    expect(table).toMatchObject({ kind: "Table", apiVersion: "meta.k8s.io/v1" });
    const columns = table["columnDefinitions"] as Tree[];
    const shown = columns.filter(({ priority }) => priority === 0).map(({ name }) => name);
    expect(shown).toEqual(["Name", "Ready", "Status", "Restarts", "Age"]);
    const rows = table["rows"] as Tree[];
    expect(at(rows[0], "cells.0")).toBe("p1");
    expect(at(rows[0], "cells.1")).toBe("0/1");
    expect(at(rows[0], "cells.2")).toBe("Pending");
    expect(at(rows[0], "object")).toMatchObject({
      kind: "PartialObjectMetadata",
      apiVersion: "meta.k8s.io/v1",
      metadata: { name: "p1" },
    });
  });

  it("a Table of one object, with the object or without", async () => {
    const whole = await get(`${PODS}/p1?includeObject=Object`, { accept: TABLE });
    expect(at(whole.json(), "rows.0.object.kind")).toBe("Pod");
    const none = await get(`${PODS}/p1?includeObject=None`, { accept: TABLE });
    expect(at(none.json(), "rows.0")).not.toHaveProperty("object");
    const wrong = await get(`${PODS}/p1?includeObject=Half`, { accept: TABLE });
    expect(wrong.status).toBe(400);
  });

  it("only metadata", async () => {
    const accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    const answer = await get(CONFIG_MAPS, { accept });
    expect(answer.json()).toMatchObject({ kind: "PartialObjectMetadataList" });
    expect(at(answer.json(), "items.0")).toMatchObject({
      kind: "PartialObjectMetadata",
      metadata: { name: "a" },
    });
    expect(at(answer.json(), "items.0.data")).toBeUndefined();
  });

  it("YAML, and JSON to look at", async () => {
    const yaml = await get(`${CONFIG_MAPS}/a`, { accept: "application/yaml" });
    expect(yaml.headers["content-type"]).toBe("application/yaml");
    expect(yaml.text).toContain("kind: ConfigMap\n");
    const pretty = await get(`${CONFIG_MAPS}/a?pretty=true`);
    expect(pretty.text).toContain('\n  "kind": "ConfigMap",\n');
  });

  it("large answers are gzipped for those who take it", async () => {
    const data = { large: "x".repeat(200_000) };
    await create(CONFIG_MAPS, configMap("large", { data }));
    const plain = await get(`${CONFIG_MAPS}/large`);
    expect(plain.headers["content-encoding"]).toBeUndefined();
    const zipped = await get(`${CONFIG_MAPS}/large`, { "accept-encoding": "gzip" });
    expect(zipped.headers["content-encoding"]).toBe("gzip");
    expect(Number(zipped.headers["content-length"])).toBeLessThan(10_000);
    await server.send({ method: "DELETE", path: `${CONFIG_MAPS}/large` });
  });
});

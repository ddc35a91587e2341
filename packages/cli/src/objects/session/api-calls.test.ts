import { CONFIG_MAPS, isApiError } from "@sagong/orchestrator/api";
import { afterEach, describe, expect, it } from "vitest";
import {
  type Answer,
  answeringServer,
  type AnsweringServer,
} from "../../../test/answering-server.js";
import { discover } from "./discovery.js";

const servers: AnsweringServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function callsTo(answer: (path: string) => Answer | undefined): Promise<AnsweringServer> {
  const server = await answeringServer(answer);
  servers.push(server);
  return server;
}

describe("ApiCalls", () => {
  it("list() puts parts together and says what the items are", async () => {
    const part = (names: readonly string[], metadata: object): Answer => ({
      body: {
        kind: "ConfigMapList",
        apiVersion: "v1",
        metadata,
        items: names.map((name) => ({ metadata: { name } })),
      },
    });
    const { calls } = await callsTo((path) =>
      path.endsWith("continue=next")
        ? part(["c"], { resourceVersion: "7" })
        : part(["a", "b"], { resourceVersion: "7", continue: "next" }),
    );
    const list = await calls.list(CONFIG_MAPS, { namespace: "x" });
    expect(list.metadata.resourceVersion).toBe("7");
    expect(list.items).toEqual(
      ["a", "b", "c"].map((name) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } })),
    );
  });

  it("tables() takes rows that are null for none", async () => {
    const { calls } = await callsTo(() => ({
      body: { kind: "Table", metadata: {}, columnDefinitions: [{ name: "Name" }], rows: null },
    }));
    for await (const table of calls.tables(CONFIG_MAPS, {})) expect(table.rows).toEqual([]);
  });

  it("tables() refuses a server that does not make them", async () => {
    const { calls } = await callsTo(() => ({ body: { kind: "ConfigMapList", items: [] } }));
    await expect(calls.tables(CONFIG_MAPS, {}).next()).rejects.toThrow(
      "does not answer with tables",
    );
  });

  it("watch() ends with the refusal that the stream brings", async () => {
    const events = [
      { type: "ADDED", object: { metadata: { name: "a" } } },
      { type: "ERROR", object: { reason: "Expired", message: "too old", code: 410 } },
    ];
    const { calls, asked } = await callsTo(() => ({
      body: events.map((event) => `${JSON.stringify(event)}\n`).join(""),
    }));
    const watch = calls.watch(CONFIG_MAPS, { namespace: "x", resourceVersion: "5" });
    expect((await watch.next()).value).toMatchObject({ type: "ADDED" });
    await expect(watch.next()).rejects.toSatisfy((error) => isApiError(error, "Expired"));
    expect(asked).toEqual([
      "/api/v1/namespaces/x/configmaps?watch=true&allowWatchBookmarks=true&resourceVersion=5",
    ]);
  });

  it("hands on the server's warnings", async () => {
    const headers = { warning: '299 - "v1 ConfigMap is deprecated"' };
    const { calls, warnings } = await callsTo(() => ({ headers, body: { metadata: {} } }));
    await calls.get(CONFIG_MAPS, { namespace: "x", name: "a" });
    expect(warnings).toEqual(["v1 ConfigMap is deprecated"]);
  });

  it("names an answer that is no JSON, and a refusal that is no Status", async () => {
    const { calls } = await callsTo((path) =>
      path.endsWith("/a") ? { body: "<html>" } : undefined,
    );
    await expect(calls.get(CONFIG_MAPS, { namespace: "x", name: "a" })).rejects.toThrow(
      "Cannot read /api/v1/namespaces/x/configmaps/a: the answer is not JSON: <html>",
    );
    await expect(calls.get(CONFIG_MAPS, { namespace: "x", name: "b" })).rejects.toThrow(
      "no such page",
    );
  });
});

describe("discover()", () => {
  it("reads one document a group version where the server does not aggregate them", async () => {
    const documents: Readonly<Record<string, unknown>> = {
      "/api": { kind: "APIVersions", versions: ["v1"] },
      "/apis": {
        kind: "APIGroupList",
        groups: [
          {
            name: "apps",
            versions: [{ groupVersion: "apps/v1beta1" }, { groupVersion: "apps/v1" }],
            preferredVersion: { groupVersion: "apps/v1" },
          },
          { name: "gone.example.com", versions: [{ groupVersion: "gone.example.com/v1" }] },
        ],
      },
      "/api/v1": {
        resources: [
          { name: "pods", kind: "Pod", namespaced: true, verbs: ["list"], shortNames: ["po"] },
          { name: "pods/log", kind: "Pod", namespaced: true, verbs: ["get"] },
        ],
      },
      "/apis/apps/v1": {
        resources: [{ name: "deployments", kind: "Deployment", namespaced: true, verbs: ["list"] }],
      },
      "/apis/apps/v1beta1": {
        resources: [{ name: "deployments", kind: "Deployment", namespaced: true, verbs: ["list"] }],
      },
    };
    const { calls } = await callsTo((path) => {
      if (path === "/apis/gone.example.com/v1") {
        return {
          code: 503,
          body: { kind: "Status", reason: "ServiceUnavailable", message: "away" },
        };
      }
      return path in documents ? { body: documents[path] } : undefined;
    });
    const resources = await discover(calls);
    expect(resources.find("po")).toMatchObject({ resource: "pods", subresources: ["log"] });
    expect(resources.find("deployments")).toMatchObject({ group: "apps", version: "v1" });
    expect(resources.byKind("apps/v1beta1", "Deployment")).toMatchObject({ version: "v1beta1" });
  });
});

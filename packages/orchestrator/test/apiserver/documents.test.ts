import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, openServer, type ServerFixture, textAt, type Tree } from "./fixture.js";

let server: ServerFixture;
beforeAll(async () => {
  server = await openServer();
});
afterAll(() => server.close());

const AGGREGATED =
  "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

async function get(path: string, headers: Record<string, string> = {}): Promise<Tree> {
  const answer = await server.send({ path, headers });
  expect([path, answer.status]).toEqual([path, 200]);
  return answer.json();
}

describe("discovery", () => {
  it("lists versions, groups, and each group's resources in the legacy form", async () => {
    expect(await get("/api")).toMatchObject({ kind: "APIVersions", versions: ["v1"] });
    const groups = await get("/apis");
    expect(groups).toMatchObject({ kind: "APIGroupList" });
    expect((groups["groups"] as Tree[]).map(({ name }) => name)).toEqual([
      "apps",
      "authentication.k8s.io",
      "authorization.k8s.io",
      "coordination.k8s.io",
      "discovery.k8s.io",
      "events.k8s.io",
    ]);
    expect(await get("/apis/apps")).toMatchObject({
      kind: "APIGroup",
      preferredVersion: { groupVersion: "apps/v1" },
    });
    const core = await get("/api/v1");
    const pods = (core["resources"] as Tree[]).find(({ name }) => name === "pods");
    expect(pods).toEqual({
      name: "pods",
      singularName: "pod",
      namespaced: true,
      kind: "Pod",
      verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
      shortNames: ["po"],
      categories: ["all"],
    });
    const eviction = (core["resources"] as Tree[]).find(({ name }) => name === "pods/eviction");
    expect(eviction).toMatchObject({ kind: "Eviction", group: "policy", version: "v1" });
  });

  it.each(["v2", "v2beta1"])("gives both lists aggregated as %s, and names the form", async (v) => {
    const accept = `application/json;g=apidiscovery.k8s.io;v=${v};as=APIGroupDiscoveryList`;
    const answer = await server.send({ path: "/apis", headers: { accept } });
    expect(answer.headers["content-type"]).toBe(accept);
    expect(answer.headers.vary).toBe("Accept");
    const list = answer.json();
    expect(list).toMatchObject({
      kind: "APIGroupDiscoveryList",
      apiVersion: `apidiscovery.k8s.io/${v}`,
    });
    const apps = (list["items"] as Tree[]).find((item) => at(item, "metadata.name") === "apps");
    expect(at(apps, "versions.0.resources.0")).toMatchObject({
      resource: "deployments",
      responseKind: { group: "apps", version: "v1", kind: "Deployment" },
      scope: "Namespaced",
      singularResource: "deployment",
    });
  });

  it("answers 304 to whom has the document already", async () => {
    const first = await server.send({ path: "/apis", headers: { accept: AGGREGATED } });
    const etag = String(first.headers.etag);
    const again = await server.send({
      path: "/apis",
      headers: { accept: AGGREGATED, "if-none-match": etag },
    });
    expect([again.status, again.text]).toEqual([304, ""]);
    const other = await server.send({ path: "/apis", headers: { "if-none-match": etag } });
    expect(other.status).toBe(200);
  });

  it.each([
    "/api/v2",
    "/apis/nothing.example.com",
    "/apis/apps/v2",
    "/apis/apps/v1/nothings",
    "/x",
  ])("answers 404 for %s", async (path) => {
    const answer = await server.send({ path });
    expect(answer.status).toBe(404);
    expect(answer.json()).toMatchObject({
      kind: "Status",
      reason: "NotFound",
      message: "the server could not find the requested resource",
    });
  });
});

describe("OpenAPI v3", () => {
  it("has an index whose URLs name a document that never changes", async () => {
    const index = await get("/openapi/v3");
    const url =
      String(at(index, "paths.apis/apps/v1")) &&
      textAt((index["paths"] as Tree)["apis/apps/v1"], "serverRelativeURL");
    expect(url).toMatch(/^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{32}$/);
    const answer = await server.send({ path: url });
    expect(answer.headers["cache-control"]).toBe("public, immutable");
    const schemas = at(answer.json(), "components.schemas") as Tree;
    expect(
      at(schemas["io.k8s.api.apps.v1.Deployment"], "x-kubernetes-group-version-kind.0"),
    ).toEqual({ group: "apps", version: "v1", kind: "Deployment" });
    expect(
      at(
        schemas["io.k8s.api.core.v1.PodSpec"],
        "properties.containers.x-kubernetes-patch-merge-key",
      ),
    ).toBe("name");
    const paths = answer.json()["paths"] as Tree;
    const patch = at(paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"], "patch");
    const names = (at(patch, "parameters") as Tree[]).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["dryRun", "fieldValidation"]));
  });

  it("has a document for every group version in the index, and none for others", async () => {
    for (const path of Object.keys((await get("/openapi/v3"))["paths"] as Tree))
      expect(await get(`/openapi/v3/${path}`)).toMatchObject({ openapi: "3.0.0" });
    expect((await server.send({ path: "/openapi/v3/apis/none/v1" })).status).toBe(404);
  });
});

describe("OpenAPI v2", () => {
  it("has all kinds in one document, as JSON", async () => {
    const document = await get("/openapi/v2");
    expect(document).toMatchObject({ swagger: "2.0" });
    const definitions = document["definitions"] as Tree;
    expect(at(definitions["io.k8s.api.apps.v1.Deployment"], "properties.spec")).toEqual({
      $ref: "#/definitions/io.k8s.api.apps.v1.DeploymentSpec",
    });
    expect(definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]).toEqual({
      type: "string",
      format: "int-or-string",
    });
    const paths = document["paths"] as Tree;
    const patch = at(paths["/api/v1/namespaces/{namespace}/pods/{name}"], "patch");
    expect(at(patch, "x-kubernetes-group-version-kind")).toEqual({
      group: "",
      version: "v1",
      kind: "Pod",
    });
  });
});

describe("health, version and metrics", () => {
  it("tells version and health to those without a certificate", async () => {
    const version = await server.send({ path: "/version", as: "nobody" });
    expect(version.json()).toMatchObject({ major: "1", minor: "35" });
    for (const path of ["/healthz", "/livez", "/readyz", "/readyz/etcd", "/livez/ping"])
      expect(await server.send({ path, as: "nobody" })).toMatchObject({ status: 200, text: "ok" });
    const verbose = await server.send({ path: "/readyz?verbose", as: "nobody" });
    expect(verbose.text).toBe("[+]ping ok\n[+]etcd ok\nreadyz check passed\n");
    expect((await server.send({ path: "/readyz/nothing", as: "nobody" })).status).toBe(404);
    expect((await server.send({ path: "/readyz", as: "nobody", method: "POST" })).status).toBe(405);
  });

  it("counts requests by verb, resource and code, in Prometheus' text", async () => {
    await server.send({ path: "/api/v1/namespaces/default/configmaps/none" });
    await server.send({ path: "/api/v1/namespaces/default/configmaps/some-other-name" });
    await server.send({ path: "/apis/made-up-by-a-client/v1/things", method: "GET" });
    const answer = await server.send({ path: "/metrics" });
    expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    const samples = answer.text.split("\n");
    expect(samples).toContain(
      'apiserver_request_total{component="apiserver",dry_run="",group="",version="v1",resource="configmaps",subresource="",scope="resource",verb="GET",code="404"} 2',
    );
    const duration =
      'component="apiserver",dry_run="",group="",version="v1",resource="configmaps",subresource="",scope="resource",verb="GET"';
    expect(samples).toContain(`apiserver_request_duration_seconds_bucket{${duration},le="+Inf"} 2`);
    expect(samples).toContain(`apiserver_request_duration_seconds_count{${duration}} 2`);
    // The request for the metrics is the one that is under way.
    expect(samples).toContain('apiserver_current_inflight_requests{request_kind="readOnly"} 1');
    expect(samples).toContain('apiserver_current_inflight_requests{request_kind="mutating"} 0');
    expect(answer.text).toMatch(/^process_resident_memory_bytes \d{7,}$/m);
    expect(answer.text).toMatch(/^process_cpu_seconds_total \d/m);
    expect(answer.text).not.toContain("made-up-by-a-client");
    expect((await server.send({ path: "/metrics", as: "nobody" })).status).toBe(401);
  });
});

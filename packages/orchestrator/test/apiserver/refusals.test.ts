import { connect as connectTls } from "node:tls";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openServer, type ServerFixture, type SentRequest, type Tree } from "./fixture.js";
import { CONFIG_MAPS, configMap, DEPLOYMENTS, deployment } from "./objects.js";

let server: ServerFixture;
beforeAll(async () => {
  server = await openServer();
  await server.send({ method: "POST", path: CONFIG_MAPS, body: configMap("known") });
});
afterAll(() => server.close());

function failure(code: number, reason: string, message: string, details?: Tree): Tree {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(details ? { details } : {}),
    code,
  };
}

async function refused(request: SentRequest): Promise<Tree> {
  const answer = await server.send(request);
  const status = answer.json();
  expect(answer.status).toBe(status["code"]);
  expect(answer.headers["content-type"]).toBe("application/json");
  return status;
}

describe.each([1, 2] as const)("refusals over HTTP/%d", (http) => {
  it("401: without a certificate of the cluster", async () => {
    expect(await refused({ path: CONFIG_MAPS, as: "nobody", http })).toEqual(
      failure(401, "Unauthorized", "Unauthorized"),
    );
  });

  it("403: names user, verb, resource, group and namespace", async () => {
    expect(await refused({ path: `${CONFIG_MAPS}/x`, as: "stranger", http })).toEqual(
      failure(
        403,
        "Forbidden",
        'configmaps "x" is forbidden: User "jane" cannot get resource "configmaps" in API group "" in the namespace "default"',
        { name: "x", kind: "configmaps" },
      ),
    );
    expect(await refused({ path: "/apis/apps/v1/deployments", as: "stranger", http })).toEqual(
      failure(
        403,
        "Forbidden",
        'deployments.apps is forbidden: User "jane" cannot list resource "deployments" in API group "apps" at the cluster scope',
        { group: "apps", kind: "deployments" },
      ),
    );
    const status = await refused({
      path: "/api/v1/namespaces/default/pods/p/status",
      method: "PATCH",
      as: "stranger",
      http,
    });
    expect(status["message"]).toBe(
      'pods "p" is forbidden: User "jane" cannot patch resource "pods/status" in API group "" in the namespace "default"',
    );
    expect(await refused({ path: "/metrics", as: "stranger", http })).toEqual(
      failure(403, "Forbidden", 'forbidden: User "jane" cannot get path "/metrics"'),
    );
  });

  it("404: names the object", async () => {
    expect(await refused({ path: `${CONFIG_MAPS}/none`, http })).toEqual(
      failure(404, "NotFound", 'configmaps "none" not found', {
        name: "none",
        kind: "configmaps",
      }),
    );
    expect(await refused({ path: `${DEPLOYMENTS}/none`, method: "DELETE", http })).toEqual(
      failure(404, "NotFound", 'deployments.apps "none" not found', {
        name: "none",
        group: "apps",
        kind: "deployments",
      }),
    );
    const path = "/api/v1/namespaces/nowhere/configmaps";
    expect(await refused({ path, method: "POST", body: configMap("x"), http })).toEqual(
      failure(404, "NotFound", 'namespaces "nowhere" not found', {
        name: "nowhere",
        kind: "namespaces",
      }),
    );
  });

  it.each([
    ["POST", `${CONFIG_MAPS}/known`],
    ["PUT", CONFIG_MAPS],
    ["PATCH", CONFIG_MAPS],
    ["POST", "/api/v1/configmaps"],
    ["DELETE", "/api/v1/configmaps"],
    ["DELETE", "/api/v1/namespaces"],
    ["HEAD", "/api/v1/configmaps"],
    ["OPTIONS", CONFIG_MAPS],
    ["GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"],
    ["DELETE", "/api/v1/namespaces/default/pods/p/log"],
    ["POST", "/apis"],
  ])("405: %s %s", async (method, path) => {
    const headers = { "content-type": "application/merge-patch+json" };
    const body = method === "GET" || method === "HEAD" ? undefined : "{}";
    const answer = await server.send({ method, path, http, headers, body });
    expect(answer.status).toBe(405);
    const message = "the server does not allow this method on the requested resource";
    const text = JSON.stringify(failure(405, "MethodNotAllowed", message));
    expect(answer.text).toBe(method === "HEAD" ? "" : text);
  });

  it("406: where no form that is accepted can be given", async () => {
    const headers = { accept: "image/png" };
    expect(await refused({ path: CONFIG_MAPS, headers, http })).toEqual(
      failure(
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json, application/yaml",
      ),
    );
  });

  it("409: for a name that is taken, and for an update of an older version", async () => {
    const body = configMap("known");
    expect(await refused({ method: "POST", path: CONFIG_MAPS, body, http })).toEqual(
      failure(409, "AlreadyExists", 'configmaps "known" already exists', {
        name: "known",
        kind: "configmaps",
      }),
    );
    const old = configMap("known", { metadata: { name: "known", resourceVersion: "1" } });
    expect(await refused({ method: "PUT", path: `${CONFIG_MAPS}/known`, body: old, http })).toEqual(
      failure(
        409,
        "Conflict",
        'Operation cannot be fulfilled on configmaps "known": the object has been modified; please apply your changes to the latest version and try again',
        { name: "known", kind: "configmaps" },
      ),
    );
    const options = { preconditions: { uid: "another" } };
    const deletion = await refused({
      method: "DELETE",
      path: `${CONFIG_MAPS}/known`,
      body: options,
      http,
    });
    expect(deletion["reason"]).toBe("Conflict");
    expect(String(deletion["message"])).toContain(
      "Precondition failed: UID in precondition: another, UID in object meta: ",
    );
  });

  it("415: for a body of an unknown form, and for a patch of one", async () => {
    const headers = { "content-type": "text/plain" };
    expect(await refused({ method: "POST", path: CONFIG_MAPS, body: "x", headers, http })).toEqual(
      failure(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
      ),
    );
    const patch = { method: "PATCH", path: `${CONFIG_MAPS}/known`, body: "{}", http };
    const json = { "content-type": "application/json" };
    expect((await refused({ ...patch, headers: json }))["message"]).toBe(
      "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json",
    );
    const apply = { "content-type": "application/apply-patch+yaml" };
    expect((await refused({ ...patch, headers: apply }))["reason"]).toBe("UnsupportedMediaType");
  });

  it("422: with one cause a fault, each with its field", async () => {
    const broken = deployment("Web", { replicas: -1, selector: { matchLabels: { app: "other" } } });
    const status = await refused({ method: "POST", path: DEPLOYMENTS, body: broken, http });
    expect(status).toMatchObject({
      code: 422,
      reason: "Invalid",
      details: {
        name: "Web",
        group: "apps",
        kind: "Deployment",
        causes: [
          { reason: "FieldValueInvalid", field: "metadata.name" },
          {
            reason: "FieldValueInvalid",
            field: "spec.replicas",
            message: "Invalid value: -1: must be greater than or equal to 0",
          },
          { reason: "FieldValueInvalid", field: "spec.template.metadata.labels" },
        ],
      },
    });
    expect(String(status["message"])).toMatch(
      /^Deployment\.apps "Web" is invalid: \[metadata\.name: Invalid value: "Web": a lowercase RFC 1123 subdomain must consist of .*, spec\.replicas: Invalid value: -1: must be greater than or equal to 0, spec\.template\.metadata\.labels: Invalid value: \{"app":"Web"\}: `selector` does not match template `labels`\]$/,
    );
  });

  it("501: for what Kubernetes has and this server has not yet", async () => {
    const path = "/api/v1/namespaces/default/pods/p/exec?command=ls";
    expect(await refused({ path, http })).toMatchObject({
      code: 501,
      message: "pods/exec is not implemented yet",
    });
  });
});

describe("URLs that are none", () => {
  it.each([
    ["//", 404],
    ["/api/v1/namespaces/default/configmaps/%zz", 400],
    ["/api/v1/namespaces/default/configmaps/%2e%2e", 400],
    ["/api/v1/namespaces/default/configmaps/..", 400],
    ["/api/v1/namespaces/default/configmaps/a%2Fb", 400],
    ["/api/v1/namespaces/default%2Fother/configmaps/a", 400],
    ["/api/v1/namespaces/default/configmaps/__proto__", 404],
    ["/apis/constructor/__proto__/toString", 404],
  ])("%s is refused with a Status", async (path, code) => {
    for (const method of ["GET", "DELETE"])
      expect(await refused({ path, method })).toMatchObject({ kind: "Status", code });
    // The namespace is still there: no path was folded into another.
    expect((await server.send({ path: "/api/v1/namespaces/default" })).status).toBe(200);
  });

  it("a target that is no URL at all leaves the server standing", async () => {
    for (const target of ["//", "*", "http://", "?", "%", "/api/v1/namespaces/\u00e9"]) {
      const socket = connectTls({ host: "127.0.0.1", port: server.port, ...server.tls });
      await once(socket, "secureConnect");
      socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, "latin1");
      const chunks: Buffer[] = [];
      for await (const chunk of socket) chunks.push(chunk as Buffer); // A socket without encoding.
      expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 4\d\d /);
    }
    expect((await server.send({ path: "/readyz" })).status).toBe(200);
  });
});

describe("headers", () => {
  it("echoes the Audit-Id, or makes one, and forbids caching", async () => {
    const headers = { "audit-id": "mine" };
    const answer = await server.send({ path: "/api/v1/namespaces", headers });
    expect(answer.headers["audit-id"]).toBe("mine");
    expect(answer.headers["cache-control"]).toBe("no-cache, private");
    const other = await server.send({ path: "/api/v1/namespaces" });
    expect(other.headers["audit-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });
});

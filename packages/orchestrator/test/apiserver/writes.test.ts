import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, at, openServer, type ServerFixture, textAt, type Tree } from "./fixture.js";
import { CONFIG_MAPS, configMap, DEPLOYMENTS, deployment, pod, PODS } from "./objects.js";

let server: ServerFixture;
beforeAll(async () => {
  server = await openServer();
});
afterAll(() => server.close());

const create = (path: string, body: unknown): Promise<Answer> =>
  server.send({ method: "POST", path, body });
const get = (path: string): Promise<Answer> => server.send({ path });

async function patch(path: string, type: string, body: unknown): Promise<Answer> {
  const headers = { "content-type": `application/${type}+json` };
  return server.send({ method: "PATCH", path, headers, body: JSON.stringify(body) });
}

describe("create", () => {
  it("answers 201 with what only the server knows", async () => {
    const answer = await create(`${CONFIG_MAPS}?fieldManager=test`, configMap("new"));
    expect(answer.status).toBe(201);
    expect(answer.json()).toEqual({
      kind: "ConfigMap",
      apiVersion: "v1",
      metadata: {
        name: "new",
        namespace: "default",
        uid: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]/) as unknown,
        resourceVersion: expect.stringMatching(/^\d+$/) as unknown,
        creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as unknown,
      },
      data: { a: "1" },
    });
    expect((await get(`${CONFIG_MAPS}/new`)).json()).toEqual(answer.json());
  });

  it("takes neither uid nor times nor status from the client", async () => {
    const metadata = {
      name: "own",
      uid: "mine",
      creationTimestamp: "2001-01-01T00:00:00Z",
      deletionTimestamp: "2001-01-01T00:00:00Z",
      generation: 7,
    };
    const body = { ...deployment("own"), metadata, status: { replicas: 9 } };
    const created = (await create(DEPLOYMENTS, body)).json();
    expect(textAt(created, "metadata.uid")).not.toBe("mine");
    expect(textAt(created, "metadata.creationTimestamp")).not.toContain("2001");
    expect(at(created, "metadata.deletionTimestamp")).toBeUndefined();
    expect(at(created, "metadata.generation")).toBe(1);
    expect(at(created, "status.replicas")).toBeUndefined();
    const versioned = configMap("versioned", { metadata: { name: "v", resourceVersion: "1" } });
    expect((await create(CONFIG_MAPS, versioned)).json()).toMatchObject({
      code: 400,
      message: "resourceVersion should not be set on objects to be created",
    });
  });

  it("generateName makes names that differ, and a name is required otherwise", async () => {
    const body = configMap("", { metadata: { generateName: "gen-" } });
    const names = new Set<string>();
    for (let i = 0; i < 5; i++)
      names.add(textAt((await create(CONFIG_MAPS, body)).json(), "metadata.name"));
    expect(names.size).toBe(5);
    for (const name of names) expect(name).toMatch(/^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    const nameless = await create(CONFIG_MAPS, { metadata: {} });
    expect(nameless.json()).toMatchObject({
      code: 422,
      message:
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    });
  });

  it("defaults what is left out", async () => {
    const made = (await create(DEPLOYMENTS, deployment("defaulted"))).json();
    expect(at(made, "spec")).toMatchObject({
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: {
        type: "RollingUpdate",
        rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" },
      },
    });
    expect(at(made, "spec.template.spec")).toMatchObject({
      restartPolicy: "Always",
      dnsPolicy: "ClusterFirst",
      terminationGracePeriodSeconds: 30,
      schedulerName: "default-scheduler",
    });
  });

  it("dryRun=All does all but store", async () => {
    const answer = await create(`${CONFIG_MAPS}?dryRun=All`, configMap("dry"));
    expect(answer.status).toBe(201);
    expect((await get(`${CONFIG_MAPS}/dry`)).status).toBe(404);
    const wrong = await create(`${CONFIG_MAPS}?dryRun=Some`, configMap("dry"));
    expect(wrong.json()).toMatchObject({
      code: 422,
      message:
        'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
    });
  });
});

describe("update", () => {
  it("replaces, and keeps uid and creation", async () => {
    const made = (await create(CONFIG_MAPS, configMap("put"))).json();
    const path = `${CONFIG_MAPS}/put`;
    const body = { ...made, data: { b: "2" } };
    const put = await server.send({ method: "PUT", path, body });
    expect(put.status).toBe(200);
    expect(at(put.json(), "data")).toEqual({ b: "2" });
    expect(at(put.json(), "metadata.uid")).toBe(at(made, "metadata.uid"));
    expect(Number(at(put.json(), "metadata.resourceVersion"))).toBeGreaterThan(
      Number(at(made, "metadata.resourceVersion")),
    );
    // The same object again is of an older version by now.
    expect((await server.send({ method: "PUT", path, body })).status).toBe(409);
  });

  it("an update that changes nothing makes no new version", async () => {
    const made = (await create(CONFIG_MAPS, configMap("same"))).json();
    const path = `${CONFIG_MAPS}/same`;
    const put = await server.send({ method: "PUT", path, body: made });
    expect(put.json()).toEqual(made);
  });

  it("another uid is another object", async () => {
    await create(CONFIG_MAPS, configMap("uid"));
    const body = configMap("uid", { metadata: { name: "uid", uid: "other" } });
    const put = await server.send({ method: "PUT", path: `${CONFIG_MAPS}/uid`, body });
    expect(put.json()).toMatchObject({ code: 409, reason: "Conflict" });
  });

  it("spec and status are written apart, and only the spec counts as a generation", async () => {
    const made = (await create(DEPLOYMENTS, deployment("apart"))).json();
    const path = `${DEPLOYMENTS}/apart`;
    const body = {
      ...made,
      spec: { ...(at(made, "spec") as Tree), replicas: 5 },
      status: { replicas: 5 },
    };
    const main = (await server.send({ method: "PUT", path, body })).json();
    expect(at(main, "spec.replicas")).toBe(5);
    expect(at(main, "status.replicas")).toBeUndefined();
    expect(at(main, "metadata.generation")).toBe(2);
    const changed = {
      ...main,
      spec: { ...(at(main, "spec") as Tree), replicas: 9 },
      status: { replicas: 3 },
    };
    const status = await server.send({ method: "PUT", path: `${path}/status`, body: changed });
    expect(at(status.json(), "spec.replicas")).toBe(5);
    expect(at(status.json(), "status.replicas")).toBe(3);
    expect(at(status.json(), "metadata.generation")).toBe(2);
  });

  it("does not mind the order of fields in what may not change", async () => {
    const labels = { app: "order", tier: "a" };
    const spec = { selector: { matchLabels: labels } };
    const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };
    const made = (await create(DEPLOYMENTS, deployment("order", { ...spec, template }))).json();
    const turned = {
      ...made,
      spec: {
        ...(at(made, "spec") as Tree),
        selector: { matchLabels: { tier: "a", app: "order" } },
      },
    };
    const put = await server.send({ method: "PUT", path: `${DEPLOYMENTS}/order`, body: turned });
    expect(put.status).toBe(200);
    const other = {
      ...made,
      spec: { ...(at(made, "spec") as Tree), selector: { matchLabels: { app: "order" } } },
    };
    const refused = await server.send({ method: "PUT", path: `${DEPLOYMENTS}/order`, body: other });
    expect(textAt(refused.json(), "message")).toContain("field is immutable");

    const bare = (await create(PODS, pod("order"))).json();
    const containers = (at(bare, "spec.containers") as Tree[]).map((container) =>
      Object.fromEntries(Object.entries(container).toReversed()),
    );
    const body = { ...bare, spec: { ...(at(bare, "spec") as Tree), containers } };
    expect((await server.send({ method: "PUT", path: `${PODS}/order`, body })).status).toBe(200);
    const renamed = { ...bare, spec: { ...(at(bare, "spec") as Tree), hostname: "x" } };
    const forbidden = await server.send({ method: "PUT", path: `${PODS}/order`, body: renamed });
    expect(textAt(forbidden.json(), "message")).toContain(
      "pod updates may not change fields other than",
    );
  });
});

describe("patch", () => {
  it("JSON patch, in its order, with test", async () => {
    await create(CONFIG_MAPS, configMap("json"));
    const path = `${CONFIG_MAPS}/json`;
    const done = await patch(path, "json-patch", [
      { op: "test", path: "/data/a", value: "1" },
      { op: "add", path: "/data/b", value: "2" },
      { op: "move", from: "/data/a", path: "/data/c" },
    ]);
    expect(at(done.json(), "data")).toEqual({ b: "2", c: "1" });
    const failed = await patch(path, "json-patch", [{ op: "test", path: "/data/b", value: "3" }]);
    expect(failed.json()).toMatchObject({ code: 422, reason: "Invalid" });
    const many = Array.from({ length: 10_001 }, () => ({
      op: "test",
      path: "/data/b",
      value: "2",
    }));
    expect((await patch(path, "json-patch", many)).json()).toMatchObject({
      code: 413,
      message: "The allowed maximum operations in a JSON patch is 10000, got 10001",
    });
  });

  it("merge patch: null removes, lists are replaced", async () => {
    await create(DEPLOYMENTS, deployment("merge", { replicas: 3 }));
    const path = `${DEPLOYMENTS}/merge`;
    const done = await patch(path, "merge-patch", {
      metadata: { labels: { a: "b" } },
      spec: {
        replicas: null,
        template: { spec: { containers: [{ name: "other", image: "x" }] } },
      },
    });
    expect(at(done.json(), "metadata.labels")).toEqual({ a: "b" });
    expect(at(done.json(), "spec.replicas")).toBe(1);
    expect(
      (at(done.json(), "spec.template.spec.containers") as Tree[]).map(({ name }) => name),
    ).toEqual(["other"]);
  });

  it("strategic merge patch: lists are merged by key, in the order asked for", async () => {
    await create(DEPLOYMENTS, deployment("smp"));
    const path = `${DEPLOYMENTS}/smp`;
    const done = await patch(path, "strategic-merge-patch", {
      spec: {
        template: {
          spec: {
            "$setElementOrder/containers": [{ name: "side" }, { name: "main" }],
            containers: [
              { name: "side", image: "busybox" },
              { name: "main", image: "nginx:2" },
            ],
          },
        },
      },
    });
    const containers = at(done.json(), "spec.template.spec.containers") as Tree[];
    expect(containers.map(({ name, image }) => [name, image])).toEqual([
      ["side", "busybox"],
      ["main", "nginx:2"],
    ]);
    const removed = await patch(path, "strategic-merge-patch", {
      spec: { template: { spec: { containers: [{ name: "side", $patch: "delete" }] } } },
    });
    expect(at(removed.json(), "spec.template.spec.containers.length")).toBe(1);
  });

  it("a version in the patch must be the present one", async () => {
    await create(CONFIG_MAPS, configMap("pv"));
    const old = { metadata: { resourceVersion: "1" }, data: { b: "2" } };
    expect((await patch(`${CONFIG_MAPS}/pv`, "merge-patch", old)).status).toBe(409);
  });

  it("writers of different fields at once all get through", async () => {
    await create(CONFIG_MAPS, configMap("many"));
    const path = `${CONFIG_MAPS}/many`;
    const fields = Array.from({ length: 15 }, (_, i) => `f${i}`);
    const answers = await Promise.all(
      fields.map((field) => patch(path, "merge-patch", { data: { [field]: "x" } })),
    );
    expect(answers.map(({ status }) => status)).toEqual(fields.map(() => 200));
    expect(Object.keys(at((await get(path)).json(), "data") as Tree).toSorted()).toEqual(
      ["a", ...fields].toSorted(),
    );
  });

  it("cannot rename, move, or touch what is the server's", async () => {
    const made = (await create(CONFIG_MAPS, configMap("fixed"))).json();
    const path = `${CONFIG_MAPS}/fixed`;
    const renamed = await patch(path, "merge-patch", { metadata: { name: "other" } });
    expect(renamed.status).toBeGreaterThanOrEqual(400);
    const touched = await patch(path, "merge-patch", {
      metadata: { creationTimestamp: "2001-01-01T00:00:00Z", generation: 9 },
    });
    expect(at(touched.json(), "metadata.creationTimestamp")).toBe(
      at(made, "metadata.creationTimestamp"),
    );
  });

  it("scale is read, put and patched through the object", async () => {
    await create(DEPLOYMENTS, deployment("scaled", { replicas: 2 }));
    const path = `${DEPLOYMENTS}/scaled/scale`;
    expect((await get(path)).json()).toMatchObject({
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      metadata: { name: "scaled" },
      spec: { replicas: 2 },
      status: { selector: "app=scaled" },
    });
    const patched = await patch(path, "merge-patch", { spec: { replicas: 3 } });
    expect(at(patched.json(), "spec.replicas")).toBe(3);
    const put = { ...(await get(path)).json(), spec: { replicas: 4 } };
    expect((await server.send({ method: "PUT", path, body: put })).status).toBe(200);
    expect(at((await get(`${DEPLOYMENTS}/scaled`)).json(), "spec.replicas")).toBe(4);
    const negative = await patch(path, "merge-patch", { spec: { replicas: -1 } });
    expect(negative.json()).toMatchObject({ code: 422, reason: "Invalid" });
  });
});

describe("create of a pod", () => {
  const created = async (spec: object): Promise<Tree> =>
    (
      await create(PODS, {
        metadata: { generateName: "admitted-" },
        spec: { containers: [{ name: "main", image: "none" }], ...spec },
      })
    ).json();

  it("is refused where its service account or priority class is not there", async () => {
    expect(textAt(await created({ serviceAccountName: "robot" }), "message")).toMatch(
      /^pods "admitted-\w{5}" is forbidden: error looking up service account default\/robot: serviceaccount "robot" not found$/,
    );
    expect(await created({ priorityClassName: "high" })).toMatchObject({
      code: 403,
      message: expect.stringMatching(
        /is forbidden: no PriorityClass with name high was found$/,
      ) as unknown,
    });
  });

  it("has its service account and the priority that its class stands for", async () => {
    await create("/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "robot" } });
    const spec = { serviceAccountName: "robot", priorityClassName: "system-node-critical" };
    expect(await created(spec)).toMatchObject({
      spec: { serviceAccountName: "robot", serviceAccount: "robot", priority: 2_000_001_000 },
    });
  });
});

describe("delete", () => {
  const remove = (path: string, body?: unknown): Promise<Answer> =>
    server.send({ method: "DELETE", path, body });

  it("answers with a Status that names the object", async () => {
    const made = (await create(CONFIG_MAPS, configMap("gone"))).json();
    expect((await remove(`${CONFIG_MAPS}/gone`)).json()).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Success",
      details: { name: "gone", kind: "configmaps", uid: at(made, "metadata.uid") },
    });
    expect((await get(`${CONFIG_MAPS}/gone`)).status).toBe(404);
  });

  it("a finalizer holds the object, and its removal lets it go", async () => {
    const metadata = { name: "held", finalizers: ["example.com/wait"] };
    await create(CONFIG_MAPS, configMap("held", { metadata }));
    const path = `${CONFIG_MAPS}/held`;
    const held = await remove(path);
    expect(held.json()).toMatchObject({ kind: "ConfigMap", metadata: { name: "held" } });
    expect(at(held.json(), "metadata.deletionTimestamp")).toEqual(expect.any(String));
    const added = await patch(path, "merge-patch", {
      metadata: { finalizers: ["example.com/wait", "example.com/more"] },
    });
    expect(textAt(added.json(), "message")).toContain(
      'no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/more"}',
    );
    expect((await patch(path, "merge-patch", { metadata: { finalizers: null } })).status).toBe(200);
    expect((await get(path)).status).toBe(404);
  });

  it("propagation policies become finalizers of the garbage collector", async () => {
    for (const [policy, finalizer] of [
      ["Foreground", "foregroundDeletion"],
      ["Orphan", "orphan"],
    ]) {
      const name = `policy-${String(policy).toLowerCase()}`;
      await create(CONFIG_MAPS, configMap(name));
      const held = await remove(`${CONFIG_MAPS}/${name}`, { propagationPolicy: policy });
      expect(at(held.json(), "metadata.finalizers")).toEqual([finalizer]);
    }
    await create(CONFIG_MAPS, configMap("policy-none"));
    const wrong = await remove(`${CONFIG_MAPS}/policy-none?propagationPolicy=Sideways`);
    expect(wrong.json()).toMatchObject({
      code: 422,
      message:
        'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Sideways": supported values: "Foreground", "Background", "Orphan", "nil"',
    });
  });

  it.each(["v1", "meta.k8s.io/v1", "apps/v1"])("takes DeleteOptions of %s", async (apiVersion) => {
    await create(DEPLOYMENTS, deployment("options"));
    const body = { kind: "DeleteOptions", apiVersion, propagationPolicy: "Background" };
    expect((await remove(`${DEPLOYMENTS}/options`, body)).status).toBe(200);
    expect((await get(`${DEPLOYMENTS}/options`)).status).toBe(404);
  });

  it("preconditions and dryRun are kept to", async () => {
    const made = (await create(CONFIG_MAPS, configMap("pre"))).json();
    const path = `${CONFIG_MAPS}/pre`;
    expect((await remove(path, { preconditions: { resourceVersion: "1" } })).status).toBe(409);
    expect((await remove(path, { dryRun: ["All"] })).status).toBe(200);
    expect((await get(path)).status).toBe(200);
    const uid = at(made, "metadata.uid");
    expect((await remove(path, { preconditions: { uid } })).status).toBe(200);
    expect((await get(path)).status).toBe(404);
  });

  it("a pod on a node gets its grace, which a second deletion can only shorten", async () => {
    await create(PODS, pod("graceful"));
    await create(`${PODS}/graceful/binding`, { target: { name: "node-1" } });
    const path = `${PODS}/graceful`;
    const first = (await remove(path)).json();
    expect(at(first, "metadata.deletionGracePeriodSeconds")).toBe(30);
    const longer = (await remove(path, { gracePeriodSeconds: 60 })).json();
    expect(at(longer, "metadata.deletionGracePeriodSeconds")).toBe(30);
    const shorter = (await remove(path, { gracePeriodSeconds: 5 })).json();
    expect(at(shorter, "metadata.deletionGracePeriodSeconds")).toBe(5);
    expect((await remove(`${path}?gracePeriodSeconds=0`)).json()).toMatchObject({
      kind: "Status",
      status: "Success",
    });
    expect((await get(path)).status).toBe(404);
  });

  it("deletecollection deletes what the selector matches, and gives it back", async () => {
    for (const name of ["c1", "c2", "c3"]) {
      const labels = { group: name === "c3" ? "other" : "mine" };
      await create(CONFIG_MAPS, configMap(name, { metadata: { name, labels } }));
    }
    const answer = await remove(`${CONFIG_MAPS}?labelSelector=group%3Dmine`);
    expect(answer.json()).toMatchObject({ kind: "ConfigMapList" });
    const names = (answer.json()["items"] as Tree[]).map((item) => at(item, "metadata.name"));
    expect(names).toEqual(["c1", "c2"]);
    expect((await get(`${CONFIG_MAPS}/c1`)).status).toBe(404);
    expect((await get(`${CONFIG_MAPS}/c3`)).status).toBe(200);
  });

  it.each(["default", "kube-system", "kube-public"])("namespace %s stays", async (name) => {
    await create("/api/v1/namespaces", { metadata: { name } });
    expect((await remove(`/api/v1/namespaces/${name}`)).json()).toMatchObject({
      code: 403,
      reason: "Forbidden",
      message: `namespaces "${name}" is forbidden: this namespace may not be deleted`,
    });
  });

  it("a namespace that is going takes nothing new, and says why", async () => {
    await create("/api/v1/namespaces", { metadata: { name: "going" } });
    const going = await remove("/api/v1/namespaces/going");
    expect(at(going.json(), "status.phase")).toBe("Terminating");
    const late = await create("/api/v1/namespaces/going/configmaps", configMap("late"));
    expect(late.json()).toMatchObject({
      code: 403,
      message:
        'configmaps "late" is forbidden: unable to create new content in namespace going because it is being terminated',
      details: { causes: [{ reason: "NamespaceTerminating", field: "metadata.namespace" }] },
    });
    const body = { ...(await get("/api/v1/namespaces/going")).json(), spec: { finalizers: [] } };
    const path = "/api/v1/namespaces/going/finalize";
    expect((await server.send({ method: "PUT", path, body })).status).toBe(200);
    expect((await get("/api/v1/namespaces/going")).status).toBe(404);
  });
});

describe("owner references", () => {
  it("are kept as given, and checked", async () => {
    const owner = {
      apiVersion: "v1",
      kind: "ConfigMap",
      name: "o",
      uid: "1-2-3",
      controller: true,
    };
    const metadata = { name: "owned", ownerReferences: [owner] };
    const made = await create(CONFIG_MAPS, configMap("owned", { metadata }));
    expect(at(made.json(), "metadata.ownerReferences")).toEqual([owner]);
    const bad = { name: "bad", ownerReferences: [{ ...owner, uid: "" }] };
    expect((await create(CONFIG_MAPS, configMap("bad", { metadata: bad }))).json()).toMatchObject({
      code: 422,
      message:
        'ConfigMap "bad" is invalid: metadata.ownerReferences[0].uid: Invalid value: "": uid must not be empty',
    });
    const two = { name: "two", ownerReferences: [owner, { ...owner, uid: "4-5-6", name: "p" }] };
    expect((await create(CONFIG_MAPS, configMap("two", { metadata: two }))).json()).toMatchObject({
      code: 422,
    });
  });
});

describe("self reviews", () => {
  it("say who asks", async () => {
    const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    const answer = await create(path, { kind: "SelfSubjectReview" });
    expect(at(answer.json(), "status.userInfo")).toEqual({
      username: "kubernetes-admin",
      groups: ["system:masters", "system:authenticated"],
    });
  });
});

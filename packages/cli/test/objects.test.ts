/**
 * The commands of objects against a real API server over HTTPS: what they say, where, and with
 * which exit code. One cluster for the file; each test has a namespace of its own.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, PODS } from "@sagong/orchestrator/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyCommand } from "../src/objects/apply.js";
import { deleteCommand } from "../src/objects/delete.js";
import { describeCommand } from "../src/objects/describe.js";
import { getCommand } from "../src/objects/get.js";
import { logsCommand } from "../src/objects/logs.js";
import { rolloutCommand } from "../src/objects/rollout.js";
import { scaleCommand } from "../src/objects/scale.js";
import { waitCommand } from "../src/objects/wait.js";
import type { Command } from "../src/terminal.js";
import {
  type ObjectsCluster,
  openObjectsCluster,
  type RunOptions,
  type Said,
} from "./objects-cluster.js";

/** The machine may be busy: processes start and stop in these tests. */
const LIMIT_MS = 60_000;

let cluster: ObjectsCluster;
beforeAll(async () => {
  cluster = await openObjectsCluster();
}, LIMIT_MS);
afterAll(() => cluster.close(), LIMIT_MS);

let namespaces = 0;
type Run = (command: Command, words: string, options?: RunOptions) => Promise<Said>;

/** Commands in a namespace that is new. */
async function inNamespace(): Promise<{ readonly namespace: string; readonly run: Run }> {
  const namespace = `test-${++namespaces}`;
  await cluster.client.create(NAMESPACES, { metadata: { name: namespace } });
  const run: Run = (command, words, options) => {
    // The namespace behind the subcommand, which rollout wants first.
    const args = [...words.split(" ").filter((word) => word !== ""), "-n", namespace];
    return cluster.run(command, args, options);
  };
  return { namespace, run };
}

const map = (name: string, data: object = {}, more: object = {}): string =>
  `${JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...more }, data })}\n`;

const deployment = (image: string, replicas = 2): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - { name: web, image: "${image}", command: [sh, -c, "echo hello; echo ${image}; exec sleep 600"] }
`;

describe("sagong apply", () => {
  it("creates, leaves alone, changes and removes, by what was applied last", async () => {
    const { run, namespace } = await inNamespace();
    const apply = (text: string, flags = ""): Promise<Said> =>
      run(applyCommand, `-f - ${flags}`, { stdin: text });
    const said = (out: string): Said => ({ code: 0, out, err: "" });
    const first = map("a", { k: "1", gone: "x" }, { labels: { l: "1" } });
    expect(await apply(first, "--dry-run=server")).toEqual(
      said("configmap/a created (server dry run)\n"),
    );
    expect(await apply(first)).toEqual(said("configmap/a created\n"));
    expect(await apply(first)).toEqual(said("configmap/a unchanged\n"));
    // What others write stays.
    await cluster.client.patch(
      CONFIG_MAPS,
      { namespace, name: "a" },
      { data: { other: "o", k: "9" } },
      { type: "merge" },
    );
    expect(await apply(map("a", { k: "2" }))).toEqual(said("configmap/a configured\n"));
    const { data, metadata } = await cluster.client.get(CONFIG_MAPS, { namespace, name: "a" });
    expect(data).toEqual({ k: "2", other: "o" });
    expect(metadata.labels).toBeUndefined();
    expect(await apply(map("a", { k: "2" }), "-o name")).toEqual(said("configmap/a\n"));
  });

  it("warns where an object was not made by apply, and takes it over", async () => {
    const { run, namespace } = await inNamespace();
    await cluster.client.create(CONFIG_MAPS, {
      metadata: { namespace, name: "a" },
      data: { x: "y" },
    });
    const { code, out, err } = await run(applyCommand, "-f -", { stdin: map("a", { k: "v" }) });
    expect({ code, out }).toEqual({ code: 0, out: "configmap/a configured\n" });
    expect(err).toMatch(/^Warning: resource configmaps\/a is missing the .* annotation/);
  });

  it("applies what it can of a folder and tells the rest in one sentence each", async () => {
    const { run } = await inNamespace();
    const folder = join(cluster.dir, "manifests");
    const { mkdirSync } = await import("node:fs");
    mkdirSync(folder);
    writeFileSync(join(folder, "1.yaml"), map("one"));
    writeFileSync(join(folder, "2.yaml"), "a: b: c\n");
    writeFileSync(join(folder, "3.yaml"), "apiVersion: v1\nkind: Foo\nmetadata: {name: f}\n");
    writeFileSync(join(folder, "4.yaml"), map("four").replace('"data"', '"dada"'));
    writeFileSync(join(folder, "5.yaml"), map("Bad_"));
    writeFileSync(join(folder, "6.yaml"), map("six"));
    const { code, out, err } = await run(applyCommand, `-f ${folder}`);
    expect({ code, out }).toEqual({
      code: 1,
      out: "configmap/one created\nconfigmap/six created\n",
    });
    const [yaml, kind, field, name, ...rest] = err.trimEnd().split("\n");
    expect(yaml).toMatch(/^error: cannot parse .*2\.yaml: line 1, column 4: /);
    expect(kind).toMatch(
      /^error: resource mapping not found .*no matches for kind "Foo" in version "v1"$/,
    );
    expect(field).toMatch(
      /^Error from server \(BadRequest\): error when creating .*unknown field "dada"$/,
    );
    expect(name).toMatch(/^The ConfigMap "Bad_" is invalid: metadata\.name: Invalid value: "Bad_"/);
    expect(rest).toEqual([]);
  });

  it("refuses a namespace that contradicts the flag, and faults of the command line", async () => {
    const { run, namespace } = await inNamespace();
    const elsewhere = map("a", {}, { namespace: "elsewhere" });
    expect((await run(applyCommand, "-f -", { stdin: elsewhere })).err).toBe(
      `error: the namespace from the provided object "elsewhere" does not match the namespace "${namespace}". You must pass '--namespace=elsewhere' to perform this operation.\n`,
    );
    expect(await run(applyCommand, "")).toMatchObject({
      code: 1,
      err: "error: must specify -f with a file, a folder or -\n",
    });
    expect((await run(applyCommand, "-f nowhere.yaml")).err).toBe(
      'error: the path "nowhere.yaml" does not exist\n',
    );
    expect(await run(applyCommand, "--nonsense")).toMatchObject({ code: 2 });
  });
});

describe("sagong get", () => {
  it("shows the server's tables", async () => {
    const { run, namespace } = await inNamespace();
    await run(applyCommand, "-f -", { stdin: map("a", { k: "v" }, { labels: { app: "x" } }) });
    const age = (text: string): string => text.replaceAll(/\d+s/g, "0s");
    const get = async (words: string): Promise<string> => age((await run(getCommand, words)).out);
    expect(await get("cm --show-labels -L app")).toBe(
      "NAME   DATA   AGE   APP   LABELS\na      1      0s    x     app=x\n",
    );
    expect(await get("cm,secrets --no-headers")).toBe("configmap/a   1     0s\n");
    expect(await get("configmaps -A -l app=x")).toBe(
      `NAMESPACE   NAME   DATA   AGE\n${namespace.padEnd(12)}a      1      0s\n`,
    );
    expect(await get("cm -l app!=x")).toBe("");
    expect((await run(getCommand, "cm -l app!=x")).err).toBe(
      `No resources found in ${namespace} namespace.\n`,
    );
  });

  it("prints objects in every form", async () => {
    const { run, namespace } = await inNamespace();
    await cluster.client.create(CONFIG_MAPS, {
      metadata: { namespace, name: "a" },
      data: { k: "v" },
    });
    const get = async (words: string): Promise<string> => (await run(getCommand, words)).out;
    expect(await get("cm a -o name")).toBe("configmap/a\n");
    expect(await get("cm -o jsonpath={.items[*].data.k}")).toBe("v");
    expect(await get("cm a -o=jsonpath={.data}")).toBe('{"k":"v"}');
    expect(await get("cm -o custom-columns=N:.metadata.name,K:.data.k,X:.data.x")).toBe(
      "N     K     X\na     v     <none>\n",
    );
    expect(await get("cm a -o yaml")).toMatch(
      /^apiVersion: v1\ndata:\n {2}k: v\nkind: ConfigMap\nmetadata:\n/,
    );
    expect(JSON.parse(await get("cm -o json"))).toMatchObject({
      kind: "List",
      items: [{ kind: "ConfigMap", metadata: { name: "a" } }],
    });
  });

  it("shows what is there and tells what is not", async () => {
    const { run, namespace } = await inNamespace();
    await cluster.client.create(CONFIG_MAPS, { metadata: { namespace, name: "a" } });
    const { code, out, err } = await run(getCommand, "cm a b --no-headers");
    expect({ code, err }).toEqual({
      code: 1,
      err: 'Error from server (NotFound): configmaps "b" not found\n',
    });
    expect(out).toMatch(/^a /);
    expect(await run(getCommand, "cm b --ignore-not-found")).toEqual({ code: 0, out: "", err: "" });
    expect((await run(getCommand, "foo")).err).toBe(
      'error: the server doesn\'t have a resource type "foo"\n',
    );
    expect((await run(getCommand, "cm -o foo")).err).toMatch(/^error: unable to match a printer/);
  });

  it("--watch goes on with every change until it is interrupted", async () => {
    const { run, namespace } = await inNamespace();
    const stop = new AbortController();
    await cluster.client.create(CONFIG_MAPS, { metadata: { namespace, name: "a" } });
    let created = false;
    const watching = run(getCommand, "cm --watch -o name", {
      signal: stop.signal,
      onOut: (out) => {
        if (!created) {
          created = true;
          void cluster.client.create(CONFIG_MAPS, { metadata: { namespace, name: "b" } });
        }
        if (out.includes("configmap/b")) stop.abort();
      },
    });
    expect(await watching).toEqual({ code: 130, out: "configmap/a\nconfigmap/b\n", err: "" });
  });
});

describe("sagong delete", () => {
  it("deletes by name, selector and file, and waits until it is gone", async () => {
    const { run, namespace } = await inNamespace();
    const names = ["a", "b", "c", "d"];
    const stdin = names.map((name) => map(name, {}, { labels: { app: name } })).join("---\n");
    await run(applyCommand, "-f -", { stdin });
    expect(await run(deleteCommand, "cm a")).toEqual({
      code: 0,
      out: `configmap "a" deleted from ${namespace} namespace\n`,
      err: "",
    });
    expect((await run(deleteCommand, "configmap/b -o name")).out).toBe("configmap/b\n");
    expect((await run(deleteCommand, "cm -l app=c")).out).toContain('"c" deleted');
    const file = await run(deleteCommand, "-f -", { stdin });
    expect(file.code).toBe(1);
    expect(file.out).toBe(`configmap "d" deleted from ${namespace} namespace\n`);
    expect(file.err.split("\n")[0]).toBe(
      'Error from server (NotFound): error when deleting "STDIN": configmaps "a" not found',
    );
    expect((await run(deleteCommand, "cm --all")).out).toBe("No resources found\n");
    expect((await run(deleteCommand, "cm")).err).toBe(
      "error: resource(s) were provided, but no name was specified\n",
    );
  });

  it("gives up waiting for what finalizers keep", async () => {
    const { run, namespace } = await inNamespace();
    const metadata = { namespace, name: "kept", finalizers: ["example.com/hold"] };
    await cluster.client.create(CONFIG_MAPS, { metadata });
    const { code, err } = await run(deleteCommand, "cm kept --timeout=200ms");
    expect({ code, err }).toEqual({
      code: 1,
      err: "error: timed out waiting for the condition on configmaps/kept\n",
    });
    const key = { namespace, name: "kept" };
    await cluster.client.patch(
      CONFIG_MAPS,
      key,
      { metadata: { finalizers: null } },
      { type: "merge" },
    );
  });
});

describe("sagong wait", () => {
  it("waits for creation, values and deletion", async () => {
    const { run, namespace } = await inNamespace();
    const key = { namespace, name: "a" };
    const met = { code: 0, out: "configmap/a condition met\n", err: "" };
    const creating = run(waitCommand, "cm/a --for=create");
    await cluster.client.create(CONFIG_MAPS, { metadata: key });
    expect(await creating).toEqual(met);
    const valued = run(waitCommand, "cm/a --for=jsonpath={.data.k}=v");
    await cluster.client.patch(CONFIG_MAPS, key, { data: { k: "v" } }, { type: "merge" });
    expect(await valued).toEqual(met);
    const deleted = run(waitCommand, "cm/a --for=delete");
    // Deleted only after the wait has begun, or it would find nothing to tell of.
    await cluster.client.delete(CONFIG_MAPS, key);
    expect((await deleted).code).toBe(0);
    expect(await run(waitCommand, "cm/a --for=delete")).toEqual({ code: 0, out: "", err: "" });
  });

  it("tells what it waited for in vain", async () => {
    const { run, namespace } = await inNamespace();
    await cluster.client.create(CONFIG_MAPS, { metadata: { namespace, name: "a" } });
    const error = async (words: string): Promise<string> => (await run(waitCommand, words)).err;
    expect(await error("cm/a --for=jsonpath={.data.k}=v --timeout=100ms")).toBe(
      "error: timed out waiting for the condition on configmaps/a\n",
    );
    expect(await error("cm/a --for=condition=Ready --timeout=0")).toBe(
      "error: condition not met for configmaps/a\n",
    );
    expect(await error("cm/b --for=condition=Ready")).toBe(
      'Error from server (NotFound): configmaps "b" not found\n',
    );
    expect(await error("cm -l a=b --for=condition=Ready")).toBe(
      "error: no matching resources found\n",
    );
  });
});

describe("a deployment from the command line", () => {
  it(
    "is applied, rolled out, scaled, described, rolled back and deleted",
    async () => {
      const { run, namespace } = await inNamespace();
      await run(applyCommand, "-f -", { stdin: deployment("one") });
      const rolled = await run(rolloutCommand, "status deploy/web --timeout=40s");
      expect(rolled).toMatchObject({ code: 0, err: "" });
      expect(rolled.out).toMatch(/deployment "web" successfully rolled out\n$/);

      expect((await run(waitCommand, "deploy/web --for=condition=Available")).out).toBe(
        "deployment.apps/web condition met\n",
      );
      const log = await run(logsCommand, "deploy/web --tail=1");
      expect(log.out).toBe("one\n");
      expect(log.err).toMatch(/^Found 2 pods, using pod\/web-/);
      const prefixed = await run(logsCommand, "-l app=web --prefix");
      expect(prefixed.out.match(/^\[pod\/web-\S+\/web\] hello$/gm)).toHaveLength(2);

      expect((await run(scaleCommand, "deploy/web --replicas=3 --current-replicas=5")).err).toBe(
        "error: Expected replicas to be 5, was 2\n",
      );
      expect(await run(scaleCommand, "deploy web --replicas=3 --timeout=20s")).toEqual({
        code: 0,
        out: "deployment.apps/web scaled\n",
        err: "",
      });

      await run(applyCommand, "-f -", { stdin: deployment("two", 1) });
      await run(rolloutCommand, "status deploy/web --timeout=40s");
      expect((await run(rolloutCommand, "history deploy/web")).out).toBe(
        "deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n",
      );
      expect((await run(rolloutCommand, "history deploy/web --revision=1")).out).toContain(
        "    Image:\tone\n",
      );
      const text = (await run(describeCommand, "deploy web")).out;
      expect(text).toMatch(/^Name: {19}web\nNamespace: {14}test-/);
      expect(text).toMatch(/\nReplicas: +1 desired \| 1 updated \| 1 total \| 1 available/);
      expect(text).toMatch(/\n {4}Image: +two\n/);
      expect(text).toMatch(
        /\n {2}Normal {2}ScalingReplicaSet .* deployment-controller {2}Scaled up/,
      );

      expect((await run(rolloutCommand, "undo deploy/web")).out).toBe(
        "deployment.apps/web rolled back\n",
      );
      const back = await cluster.client.get(DEPLOYMENTS, { namespace, name: "web" });
      expect(back.spec?.template.spec?.containers[0]?.image).toBe("one");

      expect((await run(deleteCommand, "deploy/web --cascade=foreground")).code).toBe(0);
      await run(waitCommand, "pod --all --for=delete");
      expect((await cluster.client.list(PODS, { namespace })).items).toEqual([]);
    },
    LIMIT_MS,
  );

  it("is paused, resumed and restarted, each where it makes sense", async () => {
    const { run, namespace } = await inNamespace();
    await run(applyCommand, "-f -", { stdin: deployment("one", 0) });
    const rollout = async (words: string): Promise<string> => {
      const { out, err } = await run(rolloutCommand, words);
      return out + err;
    };
    expect(await rollout("pause deploy/web")).toBe("deployment.apps/web paused\n");
    expect(await rollout("pause deploy/web")).toBe(
      'error: deployments.apps "web" is already paused\n',
    );
    expect(await rollout("undo deploy/web")).toMatch(
      /^error: you cannot rollback a paused deployment/,
    );
    expect(await rollout("restart deploy/web")).toMatch(/can't restart paused deployment/);
    expect(await rollout("resume deploy/web")).toBe("deployment.apps/web resumed\n");
    expect(await rollout("resume deploy/web")).toBe(
      'error: deployments.apps "web" is not paused\n',
    );
    expect(await rollout("restart deploy/web")).toBe("deployment.apps/web restarted\n");
    const { spec } = await cluster.client.get(DEPLOYMENTS, { namespace, name: "web" });
    expect(spec?.template.metadata?.annotations).toHaveProperty([
      "kubectl.kubernetes.io/restartedAt",
    ]);
    expect(await rollout("sideways deploy/web")).toMatch(/^error: unknown command "sideways"/);
  });
});

it("a server that is not there is told of in one sentence", async () => {
  const path = join(cluster.dir, "away");
  const config = {
    "current-context": "c",
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
    clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1" } }],
    users: [{ name: "u", user: { token: "t" } }],
  };
  writeFileSync(path, JSON.stringify(config));
  expect(await cluster.run(getCommand, `pods --kubeconfig=${path}`)).toEqual({
    code: 1,
    out: "",
    err: "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n",
  });
});

it.each([
  ["apply", applyCommand],
  ["get", getCommand],
  ["describe", describeCommand],
  ["delete", deleteCommand],
  ["logs", logsCommand],
  ["scale", scaleCommand],
  ["rollout", rolloutCommand],
  ["wait", waitCommand],
])("sagong %s --help shows usage and examples", async (name, command) => {
  const { code, out } = await cluster.run(command, "--help");
  expect(code).toBe(0);
  expect(out).toContain(`Usage: sagong ${name} `);
  expect(out).toMatch(/Examples:\n {2}\S/);
});

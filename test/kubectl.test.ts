/**
 * What a user does with kubectl, end to end: every group of commands against the kinds that we
 * serve, held against what Kubernetes answers.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LocalCluster } from "./support/local-cluster.js";
import { findTool, type Outcome } from "./support/tools.js";
import { until } from "./support/until.js";

const POD_STATES = fileURLToPath(new URL("support/pod-states.yaml", import.meta.url));
const APPLIED = readFileSync(new URL("support/apply-before.yaml", import.meta.url), "utf8");
const LIMIT_MS = 40_000;

describe.skipIf(findTool("kubectl") === undefined)("kubectl", () => {
  const cluster = new LocalCluster(24_000, ["--single", "--members=1", "--nodes=2"]);

  beforeAll(async () => {
    await cluster.start();
    await ok(["apply", "-f", POD_STATES]);
  });
  afterAll(() => cluster.stop());

  it("create: its generators' objects are kept as Kubernetes keeps them", async () => {
    await ok(["create", "deployment", "made", "--image=none:1", "--", "sleep", "1000"]);
    const { template } = (await json(["get", "deployment", "made"])).spec ?? {};
    expect(template).toEqual({
      metadata: { labels: { app: "made" } },
      spec: {
        containers: [
          {
            name: "none",
            image: "none:1",
            command: ["sleep", "1000"],
            imagePullPolicy: "IfNotPresent",
            resources: {},
            terminationMessagePath: "/dev/termination-log",
            terminationMessagePolicy: "File",
          },
        ],
        dnsPolicy: "ClusterFirst",
        enableServiceLinks: true,
        restartPolicy: "Always",
        schedulerName: "default-scheduler",
        securityContext: {},
        terminationGracePeriodSeconds: 30,
      },
    });
    await ok(["delete", "deployment", "made"]);
    await ok(["create", "service", "clusterip", "headless", "--clusterip=None"]);
    await ok(["create", "service", "externalname", "outside", "--external-name=example.com"]);
    await ok(["create", "service", "nodeport", "noded", "--tcp=80", "--node-port=30123"]);
    await ok(["create", "service", "loadbalancer", "balanced", "--tcp=80"]);
    const rows = await ok(["get", "services", "--no-headers"]);
    expect(rows).toMatch(/^headless +ClusterIP +None +<none> +<none>/m);
    expect(rows).toMatch(/^outside +ExternalName +<none> +example\.com +<none>/m);
    expect(rows).toMatch(/^noded +NodePort +10\.96\.\d+\.\d+ +<none> +80:30123\/TCP/m);
    expect(rows).toMatch(/^balanced +LoadBalancer +10\.96\.\d+\.\d+ +<pending> +80:3\d{4}\/TCP/m);
  });

  it("label, annotate, patch, edit, replace: change what they say and leave the rest", async () => {
    await ok(["create", "configmap", "changed", "--from-literal=a=1"]);
    await ok(["label", "configmap", "changed", "tier=front"]);
    const again = await cluster.kubectl(["label", "configmap", "changed", "tier=back"]);
    expect(again.stderr).toBe(
      "error: 'tier' already has a value (front), and --overwrite is false\n",
    );
    await ok(["annotate", "configmap", "changed", "note=x"]);
    await ok(["annotate", "configmap", "changed", "note-"]);
    await ok(["patch", "configmap", "changed", "-p", '{"data":{"b":"2"}}']);
    await ok(["patch", "configmap", "changed", "--type=merge", "-p", '{"data":{"a":null}}']);
    const add = '[{"op":"add","path":"/data/c","value":"3"}]';
    await ok(["patch", "configmap", "changed", "--type=json", "-p", add]);
    const env = { KUBE_EDITOR: `sed -i 's/c: "3"/c: three/'` };
    expect((await cluster.kubectl(["edit", "configmap", "changed"], { env })).code).toBe(0);
    expect(await json(["get", "configmap", "changed"])).toMatchObject({
      metadata: { labels: { tier: "front" } },
      data: { b: "2", c: "three" },
    });
    const { metadata } = await json(["get", "configmap", "changed"]);
    expect(metadata).not.toHaveProperty("annotations");
    const old = await ok(["get", "configmap", "changed", "-o", "yaml"]);
    await ok(["replace", "-f", "-"], old.replace("three", "five"));
    const stale = await cluster.kubectl(["replace", "-f", "-"], { input: old });
    expect(stale.stderr).toContain(
      'Operation cannot be fulfilled on configmaps "changed": the object has been modified',
    );
  });

  it("apply and diff: remove what the manifest no longer has, and nothing else", async () => {
    const after = APPLIED.replace(', dropped: "2"', "")
      .replace("          env: [{ name: A, value: b }]\n", "")
      .replace(", annotations: { note: first }", "");
    expect(await ok(["apply", "--dry-run=server", "-f", "-"], APPLIED)).toBe(
      "configmap/applied created (server dry run)\ndeployment.apps/applied created (server dry run)\n",
    );
    expect((await cluster.kubectl(["diff", "-f", "-"], { input: APPLIED })).code).toBe(1);
    await ok(["apply", "-f", "-"], APPLIED);
    expect(await ok(["apply", "-f", "-"], APPLIED)).toBe(
      "configmap/applied unchanged\ndeployment.apps/applied unchanged\n",
    );
    expect((await cluster.kubectl(["diff", "-f", "-"], { input: APPLIED })).code).toBe(0);
    await ok(["scale", "deployment/applied", "--replicas=2", "--current-replicas=1"]);
    const diff = await cluster.kubectl(["diff", "-f", "-"], { input: after });
    expect(diff.stdout).toMatch(/^- {2}dropped: "2"$/m);
    expect(await ok(["apply", "-f", "-"], after)).toBe(
      "configmap/applied configured\ndeployment.apps/applied configured\n",
    );
    expect((await json(["get", "configmap", "applied"])).data).toEqual({ kept: "1" });
    const { template } = (await json(["get", "deployment", "applied"])).spec ?? {};
    expect(template?.metadata).toEqual({ labels: { app: "applied" } });
    expect(template?.spec.containers[0]).not.toHaveProperty("env");
  });

  it("rollout: pauses, resumes, restarts, goes back", async () => {
    const deployment = "deployment/applied";
    await ok(["rollout", "pause", deployment]);
    await ok(["set", "image", deployment, "c=none:2"]);
    const restart = await cluster.kubectl(["rollout", "restart", deployment]);
    expect(restart.stderr).toContain("can't restart paused deployment");
    await ok(["annotate", deployment, "kubernetes.io/change-cause=second image"]);
    await ok(["rollout", "resume", deployment]);
    await ok(["rollout", "status", deployment, "--timeout=30s"]);
    expect(await ok(["rollout", "history", deployment])).toMatch(/^3 +second image$/m);
    await ok(["rollout", "restart", deployment]);
    await ok(["rollout", "status", deployment, "--timeout=30s"]);
    await ok(["rollout", "undo", deployment, "--to-revision=2"]);
    await ok(["rollout", "status", deployment, "--timeout=30s"]);
    expect(await ok(["get", deployment, "-o", "jsonpath={..image}"])).toBe("none:1");
    await ok(["wait", deployment, "--for=jsonpath={.status.availableReplicas}=1", "--timeout=20s"]);
    const none = await cluster.kubectl(["rollout", "undo", deployment, "--to-revision=99"]);
    expect(none.stderr).toBe("error: unable to find specified revision 99 in history\n");
  });

  it("a service follows its pods by named ports, and its type by node ports", async () => {
    await ok(["expose", "deployment/applied", "--port=80", "--target-port=http"]);
    await until("the slice lists the pod", LIMIT_MS, async () => {
      const row = await ok(["get", "endpointslices", "--no-headers"]);
      expect(row).toMatch(/^applied-\w+ +IPv4 +8080 +127\.\d+\.\d+\.\d+ /m);
    });
    await ok(["patch", "service", "applied", "-p", '{"spec":{"type":"NodePort"}}']);
    expect(await ok(["get", "service", "applied", "--no-headers"])).toMatch(/80:3\d{4}\/TCP/);
    await ok(["patch", "service", "applied", "-p", '{"spec":{"type":"ClusterIP"}}']);
    expect(await ok(["get", "service", "applied", "--no-headers"])).toMatch(/ 80\/TCP /);
  });

  it("delete: orphans, waits for finalizers, and leaves what must stay", async () => {
    await ok(["delete", "deployment", "applied", "--cascade=orphan"]);
    const owned = await ok(["get", "replicasets", "-l", "app=applied", "-o", "json"]);
    expect(owned).not.toContain("ownerReferences");
    await ok(["delete", "replicasets", "-l", "app=applied", "--cascade=foreground"]);
    expect(await ok(["get", "pods", "-l", "app=applied", "-o", "name"])).toBe("");
    await ok(["create", "configmap", "held", "--from-literal=a=b"]);
    await ok(["patch", "configmap", "held", "-p", '{"metadata":{"finalizers":["a.io/f"]}}']);
    await ok(["delete", "configmap", "held", "--wait=false"]);
    expect((await json(["get", "configmap", "held"])).metadata.deletionTimestamp).toBeDefined();
    await ok(["patch", "configmap", "held", "-p", '{"metadata":{"finalizers":null}}']);
    await ok(["wait", "configmap/held", "--for=delete", "--timeout=10s"]);
    await ok(["create", "namespace", "short"]);
    await ok(["create", "configmap", "in-it", "-n", "short"]);
    await ok(["delete", "namespace", "short"]);
    expect((await cluster.kubectl(["delete", "namespace", "default"])).stderr).toBe(
      'Error from server (Forbidden): namespaces "default" is forbidden: this namespace may not be deleted\n',
    );
  });

  it("get -w shows each change", async () => {
    const watch = spawn(
      findTool("kubectl") ?? "",
      ["get", "configmaps", "--watch-only", "--output-watch-events", "--no-headers"],
      {
        env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    let seen = "";
    watch.stdout.on("data", (chunk: Buffer) => {
      seen += chunk.toString("utf8");
    });
    await until("the watch has begun", LIMIT_MS, async () => {
      await cluster.kubectl(["create", "configmap", "begun"]);
      await ok(["delete", "configmap", "begun"]);
      expect(seen).toContain("begun");
    });
    await ok(["create", "configmap", "watched", "--from-literal=a=b"]);
    await ok(["label", "configmap", "watched", "x=y"]);
    await ok(["delete", "configmap", "watched"]);
    await until("it has told all three", LIMIT_MS, async () => {
      const lines = seen.split("\n").filter((line) => line.includes(" watched "));
      const types = lines.map((line) => line.split(" ")[0]);
      expect(types).toEqual(["ADDED", "MODIFIED", "DELETED"]);
    });
    const exited = once(watch, "exit");
    watch.kill("SIGKILL");
    await exited;
  });

  it("get pods says what each pod waits for, and describe why", async () => {
    await until("every pod has its state", LIMIT_MS, async () => {
      const rows = await ok(["get", "pods", "--no-headers"]);
      expect(rows).toMatch(/^completed +0\/1 +Completed +0 /m);
      expect(rows).toMatch(/^failed +0\/1 +Error +0 /m);
      expect(rows).toMatch(/^crashing +0\/1 +CrashLoopBackOff +\d+ \(\d+s ago\)/m);
      expect(rows).toMatch(/^init-crashing +0\/1 +Init:CrashLoopBackOff +\d+ \(\d+s ago\)/m);
      expect(rows).toMatch(/^gated +0\/1 +SchedulingGated +0 /m);
      expect(rows).toMatch(/^unschedulable +0\/1 +Pending +0 /m);
      expect(rows).toMatch(/^unconfigured +0\/1 +CreateContainerConfigError +0 /m);
      expect(rows).toMatch(/^many +2\/2 +Running +0 /m);
    });
    const why = async (pod: string): Promise<string> => ok(["events", "--for", `pod/${pod}`]);
    expect(await why("crashing")).toContain(
      "Back-off restarting failed container c in pod crashing",
    );
    expect(await why("failed")).toContain(
      "Pod was active on the node longer than the specified deadline",
    );
    expect(await why("unschedulable")).toContain("0/2 nodes are available: 2 Insufficient cpu.");
    expect(await why("unconfigured")).toContain('Error: configmap "late" not found');
    const described = await ok(["describe", "pod", "completed"]);
    const events = described.slice(described.indexOf("Events:")).split("\n").slice(3, -1);
    const reasons = events.map((line) => line.trim().split(/ +/)[1]);
    expect(reasons).toEqual(["Scheduled", "ImageNotUnpacked", "Created", "Started"]);
  });

  it("a pod goes on once what it waits for is there", async () => {
    await ok(["create", "configmap", "late", "--from-literal=key=it"]);
    const open = '[{"op":"remove","path":"/spec/schedulingGates/0"}]';
    await ok(["patch", "pod", "gated", "--type=json", "-p", open]);
    await ok(["wait", "pod/gated", "pod/unconfigured", "--for=condition=Ready", "--timeout=30s"]);
    expect(await ok(["logs", "unconfigured"])).toBe("got it\n");
  });

  it("logs: by container, before, all, with their names, a few", async () => {
    expect(await ok(["logs", "crashing", "--previous"])).toBe("hello\n");
    expect(await ok(["logs", "many", "-c", "first"])).toBe("from first\n");
    expect(await ok(["logs", "many", "-c", "a", "--tail=1"])).toBe("a2\n");
    expect(await ok(["logs", "many", "-c", "a", "--since=1ms"])).toBe("");
    expect(await ok(["logs", "-l", "app=many", "-c", "b", "--prefix"])).toBe("[pod/many/b] b1\n");
    // kubectl takes the containers in any order.
    const all = (await ok(["logs", "many", "--all-containers"])).trim().split("\n");
    expect(new Set(all)).toEqual(new Set(["from first", "a1", "a2", "b1"]));
    expect(await ok(["logs", "unschedulable"])).toBe("");
    const waiting = await cluster.kubectl(["logs", "init-crashing", "-c", "c"]);
    expect(waiting.stderr).toContain('container "c" in pod "init-crashing" is waiting to start');
  });

  it("taint, cordon, drain: pods leave the node that they may not be on", async () => {
    await ok(["taint", "node", "node-1", "why=test:NoExecute"]);
    await ok(["cordon", "node-2"]);
    expect(await ok(["get", "node", "node-2", "--no-headers"])).toMatch(/SchedulingDisabled/);
    const refused = await cluster.kubectl(["drain", "node-2"]);
    expect(refused.stderr).toContain("cannot delete Pods that declare no controller");
    await ok(["drain", "node-2", "--force", "--grace-period=1", "--timeout=20s"]);
    await until("no pod is left on a node", LIMIT_MS, async () => {
      const nodes = await ok(["get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}"]);
      expect(nodes).toBe("");
    });
    await ok(["uncordon", "node-2"]);
    await ok(["taint", "node", "node-1", "why-"]);
  });

  it("says who one is, what one may do, and what there is", async () => {
    expect(await ok(["auth", "whoami"])).toContain("kubernetes-admin");
    expect(await ok(["auth", "can-i", "create", "pods"])).toBe("yes\n");
    expect(await ok(["auth", "can-i", "--list"])).toMatch(/^\*\.\* +\[\] +\[\] +\[\*\]$/m);
    expect(await ok(["api-resources", "--api-group=apps", "-o", "name"])).toBe(
      "deployments.apps\nreplicasets.apps\n",
    );
    expect(await ok(["explain", "deployment.spec.strategy", "--recursive"])).toContain("maxSurge");
    expect(await ok(["version"])).toMatch(/^Server Version: v1\.35\./m);
  });

  it.each([
    ["batch/v1", "Job"],
    ["networking.k8s.io/v1", "Ingress"],
  ])("apply says that %s has no %s", async (apiVersion, kind) => {
    const input = JSON.stringify({ apiVersion, kind, metadata: { name: "none" } });
    const { code, stderr } = await cluster.kubectl(["apply", "-f", "-"], { input });
    expect(stderr).toBe(
      `error: resource mapping not found for name: "none" namespace: "" from "STDIN": no matches for kind "${kind}" in version "${apiVersion}"\nensure CRDs are installed first\n`,
    );
    expect(code).toBe(1);
  });

  it.each([
    [
      "run bad --image=none --labels=_=x",
      /^The Pod "bad" is invalid: metadata\.labels: Invalid value: "_": /,
    ],
    [
      "run Bad --image=none",
      /^The Pod "Bad" is invalid: \n\* metadata\.name: Invalid value: "Bad": a lowercase RFC 1123 subdomain/,
    ],
    [
      "create service nodeport bad --tcp=80 --node-port=80",
      /^error: failed to create NodePort service: .*The range of valid ports is 30000-32767/,
    ],
    ["get pods --field-selector=spec.image=x", /field label not supported: spec\.image/],
    [
      "create configmap x -n nowhere",
      /^error: failed to create configmap: namespaces "nowhere" not/,
    ],
  ])("is told why: %s", async (words, message) => {
    const { code, stderr } = await cluster.kubectl(words.split(" "));
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
  });

  interface Shown {
    readonly metadata: { readonly deletionTimestamp?: string };
    readonly data?: Readonly<Record<string, string>>;
    readonly spec?: {
      readonly template?: {
        readonly metadata: object;
        readonly spec: { readonly containers: readonly object[] };
      };
    };
  }

  /** Standard output of a command that succeeds and says nothing else. */
  async function ok(args: readonly string[], input?: string): Promise<string> {
    const done: Outcome = await cluster.kubectl(args, input === undefined ? {} : { input });
    if (done.code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${done.stderr}`);
    return done.stdout;
  }

  async function json(args: readonly string[]): Promise<Shown> {
    return JSON.parse(await ok([...args, "-o", "json"])) as Shown; // What kubectl prints of these.
  }
});

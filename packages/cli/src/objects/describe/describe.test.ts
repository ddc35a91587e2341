/**
 * Each describer's text for one object that has about everything; the forms were compared with
 * kubectl 1.35's. `npm run test:rewrite` writes the texts anew: read the difference.
 */
import { fileURLToPath } from "node:url";
import type {
  ConfigMap,
  Deployment,
  Endpoints,
  EndpointSlice,
  Event,
  KubeObject,
  Node,
  Pod,
  PodSpec,
  ReplicaSet,
  Secret,
  Service,
  ServiceAccount,
} from "@sagong/orchestrator/api";
import { describe, expect, it } from "vitest";
import { DescribeText } from "./describe-text.js";
import type { DescribeContext, Describer } from "./describer.js";
import { describeEndpoints, describeEndpointSlice, describeService } from "./describe-network.js";
import { describeNode } from "./describe-node.js";
import { describePod } from "./describe-pod.js";
import {
  describeAnything,
  describeConfigMap,
  describeNamespace,
  describeSecret,
  describeServiceAccount,
} from "./describe-small.js";
import { describeDeployment, describeReplicaSet } from "./describe-workloads.js";

const CREATED = "2026-01-01T00:00:00Z";
const NOW_MS = Date.parse(CREATED) + 90 * 60_000;

const EVENTS: readonly Event[] = [
  {
    metadata: { name: "e1" },
    involvedObject: {},
    type: "Normal",
    reason: "Created",
    message: "Created it\n",
    source: { component: "kubelet" },
    firstTimestamp: CREATED,
    lastTimestamp: CREATED,
  },
  {
    metadata: { name: "e2" },
    involvedObject: {},
    type: "Warning",
    reason: "Unhealthy",
    message: "Probe failed",
    source: { component: "kubelet" },
    count: 7,
    firstTimestamp: CREATED,
    lastTimestamp: "2026-01-01T01:29:00Z",
  },
];

const METADATA = {
  name: "web",
  namespace: "default",
  uid: "u1",
  creationTimestamp: CREATED,
  labels: { tier: "front", app: "web" },
  annotations: {
    note: "short",
    lines: "one\ntwo\n",
    long: "x".repeat(200),
    "kubectl.kubernetes.io/last-applied-configuration": "{}",
  },
};

const SPEC: PodSpec = {
  nodeName: "node-1",
  serviceAccountName: "default",
  nodeSelector: { disk: "ssd" },
  tolerations: [
    { key: "a", operator: "Equal", value: "b", effect: "NoSchedule" },
    { operator: "Exists" },
    {
      key: "node.kubernetes.io/not-ready",
      operator: "Exists",
      effect: "NoExecute",
      tolerationSeconds: 300,
    },
  ],
  initContainers: [{ name: "init", image: "busybox", command: ["sh", "-c", "echo hi"] }],
  containers: [
    {
      name: "main",
      image: "node:20",
      command: ["node", "-e"],
      args: ["one\ntwo"],
      env: [
        { name: "PLAIN", value: "a\nb" },
        { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "KEY", valueFrom: { configMapKeyRef: { name: "c", key: "k" } } },
        { name: "SECRET", valueFrom: { secretKeyRef: { name: "s", key: "k", optional: true } } },
      ],
      envFrom: [{ configMapRef: { name: "c" } }, { prefix: "P_", secretRef: { name: "s" } }],
      ports: [
        { containerPort: 80, name: "http" },
        { containerPort: 81, protocol: "UDP", hostPort: 8081 },
      ],
      resources: { requests: { cpu: "250m", memory: "64Mi" }, limits: { cpu: "1" } },
      livenessProbe: { exec: { command: ["cat", "/x"] }, periodSeconds: 10 },
      readinessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 1 },
      startupProbe: { tcpSocket: { port: 80 }, initialDelaySeconds: 3 },
      volumeMounts: [
        { name: "e", mountPath: "/z" },
        { name: "c", mountPath: "/a", readOnly: true, subPath: "k" },
      ],
    },
    { name: "bare", image: "busybox" },
  ],
  volumes: [
    { name: "e", emptyDir: {} },
    { name: "c", configMap: { name: "c" } },
    { name: "s", secret: { secretName: "s" } },
    { name: "h", hostPath: { path: "/tmp" } },
  ],
};

const POD: Pod = {
  metadata: {
    ...METADATA,
    ownerReferences: [
      { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-x", uid: "rs1", controller: true },
    ],
  },
  spec: SPEC,
  status: {
    phase: "Running",
    hostIP: "10.0.0.1",
    podIP: "10.1.0.1",
    podIPs: [{ ip: "10.1.0.1" }],
    startTime: CREATED,
    qosClass: "Burstable",
    conditions: [{ type: "Ready", status: "False" }],
    initContainerStatuses: [
      {
        name: "init",
        image: "busybox",
        imageID: "",
        ready: true,
        restartCount: 0,
        state: {
          terminated: { exitCode: 0, reason: "Completed", startedAt: CREATED, finishedAt: CREATED },
        },
      },
    ],
    containerStatuses: [
      {
        name: "main",
        image: "node:20",
        imageID: "sha256:1",
        containerID: "process://1",
        ready: true,
        restartCount: 1,
        state: { running: { startedAt: CREATED } },
        lastState: { terminated: { exitCode: 137, signal: 9, reason: "Error" } },
      },
      {
        name: "bare",
        image: "busybox",
        imageID: "",
        ready: false,
        restartCount: 0,
        state: { waiting: { reason: "CreateContainerError", message: "no command" } },
      },
    ],
  },
};

const template = (image: string) => ({
  metadata: { labels: { app: "web", tier: "front" }, annotations: { note: "x" } },
  spec: { ...SPEC, containers: [{ name: "main", image }], initContainers: [], volumes: [] },
});

const DEPLOYMENT: Deployment = {
  metadata: METADATA,
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: "web" } },
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: 1 } },
    template: template("node:20"),
  },
  status: {
    replicas: 4,
    updatedReplicas: 2,
    availableReplicas: 3,
    unavailableReplicas: 1,
    conditions: [{ type: "Available", status: "True", reason: "MinimumReplicasAvailable" }],
  },
};

const replicaSet = (name: string, image: string, replicas: number): ReplicaSet => ({
  metadata: {
    name,
    namespace: "default",
    uid: name,
    creationTimestamp: CREATED,
    ownerReferences: [
      { apiVersion: "apps/v1", kind: "Deployment", name: "web", uid: "u1", controller: true },
    ],
  },
  spec: { replicas, selector: { matchLabels: { app: "web" } }, template: template(image) },
  status: { replicas },
});

const SERVICE: Service = {
  metadata: METADATA,
  spec: {
    type: "NodePort",
    selector: { app: "web", tier: "front" },
    clusterIP: "10.96.0.10",
    clusterIPs: ["10.96.0.10"],
    ipFamilies: ["IPv4"],
    ipFamilyPolicy: "SingleStack",
    ports: [
      { name: "http", port: 80, targetPort: "http", nodePort: 30080 },
      { name: "dns", port: 53, protocol: "UDP" },
    ],
    sessionAffinity: "None",
    internalTrafficPolicy: "Cluster",
  },
};

const SLICE: EndpointSlice = {
  metadata: { name: "web-x", namespace: "default" },
  addressType: "IPv4",
  ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  endpoints: ["1", "2", "3", "4"].map((last) => ({
    addresses: [`10.1.0.${last}`],
    conditions: { ready: true },
    nodeName: "node-1",
    targetRef: { kind: "Pod", name: `web-${last}` },
  })),
};

const ENDPOINTS: Endpoints = {
  metadata: { name: "web", namespace: "default" },
  subsets: [{ addresses: [{ ip: "10.1.0.1" }], ports: [{ name: "http", port: 8080 }] }],
};

const NODE: Node = {
  metadata: {
    name: "node-1",
    creationTimestamp: CREATED,
    labels: { "node-role.kubernetes.io/raft": "" },
  },
  spec: {
    podCIDR: "10.1.0.0/16",
    taints: [
      { key: "a", value: "b", effect: "NoSchedule" },
      { key: "c", effect: "NoExecute" },
    ],
  },
  status: {
    capacity: { cpu: "2", memory: "1Gi", pods: "110" },
    allocatable: { cpu: "2", memory: "1Gi", pods: "110" },
    addresses: [{ type: "InternalIP", address: "10.0.0.1" }],
    conditions: [
      {
        type: "Ready",
        status: "True",
        reason: "KubeletReady",
        message: "ready",
        lastHeartbeatTime: CREATED,
      },
    ],
  },
};

const CONFIG_MAP: ConfigMap = {
  metadata: METADATA,
  data: { b: "two", a: "one\nline\n" },
  binaryData: { bin: "AAECAw==" },
};
const SECRET: Secret = { metadata: METADATA, type: "Opaque", data: { password: "aHVudGVyMg==" } };
const ACCOUNT: ServiceAccount = {
  metadata: METADATA,
  imagePullSecrets: [{ name: "a" }, { name: "b" }],
};

const ANYTHING: KubeObject & Readonly<Record<string, unknown>> = {
  apiVersion: "example.com/v1",
  kind: "Raft",
  metadata: { name: "r", uid: "u9", generation: 2 },
  spec: {
    hullMaterial: "log",
    crew: [{ name: "a", skills: ["row", "sing"] }],
    apiURL: "x",
    "a.b": null,
  },
};

interface Case {
  readonly name: string;
  readonly write: (text: DescribeText, context: DescribeContext) => void;
  readonly related?: DescribeContext["related"];
  readonly events?: readonly Event[];
}

function describing<T extends KubeObject>(
  name: string,
  [describer, object]: readonly [Describer<T>, T],
  more: Omit<Case, "name" | "write"> = {},
): Case {
  return { name, write: (text, context) => describer(text, object, context), ...more };
}

describe("describers", () => {
  it.each([
    describing("pod", [describePod, POD], { events: EVENTS }),
    describing("pod-terminating", [
      describePod,
      {
        metadata: {
          name: "p",
          namespace: "default",
          deletionTimestamp: CREATED,
          deletionGracePeriodSeconds: 30,
        },
        spec: { containers: [{ name: "a" }] },
        status: { reason: "Evicted", message: "The node was low on memory" },
      },
    ]),
    describing("deployment", [describeDeployment, DEPLOYMENT], {
      events: EVENTS,
      related: {
        replicaSets: [replicaSet("web-old", "node:18", 2), replicaSet("web-new", "node:20", 2)],
      },
    }),
    describing("replica-set", [describeReplicaSet, replicaSet("web-x", "node:20", 1)], {
      related: {
        pods: [
          {
            ...POD,
            metadata: {
              ...POD.metadata,
              ownerReferences: [
                {
                  apiVersion: "apps/v1",
                  kind: "ReplicaSet",
                  name: "web-x",
                  uid: "web-x",
                  controller: true,
                },
              ],
            },
          },
        ],
      },
    }),
    describing("service", [describeService, SERVICE], { related: { endpointSlices: [SLICE] } }),
    describing("endpoint-slice", [describeEndpointSlice, SLICE]),
    describing("endpoints", [describeEndpoints, ENDPOINTS]),
    describing("node", [describeNode, NODE], { related: { pods: [POD] }, events: EVENTS }),
    describing("namespace", [
      describeNamespace,
      { metadata: { name: "n", labels: { a: "b" } }, status: { phase: "Active" } },
    ]),
    describing("config-map", [describeConfigMap, CONFIG_MAP]),
    describing("secret", [describeSecret, SECRET]),
    describing("service-account", [describeServiceAccount, ACCOUNT]),
    describing("anything", [describeAnything, ANYTHING]),
  ])("write $name", async ({ name, write, related = {}, events = [] }) => {
    const text = new DescribeText();
    write(text, { events, nowMs: NOW_MS, related });
    const golden = new URL(`../../../test/testdata/describe/${name}.txt`, import.meta.url);
    await expect(text.toString()).toMatchFileSnapshot(fileURLToPath(golden));
  });

  it("leave events out where they are not asked for", () => {
    const text = new DescribeText();
    describeServiceAccount(text, ACCOUNT, { events: undefined, nowMs: NOW_MS, related: {} });
    expect(text.toString()).not.toContain("Events");
  });
});

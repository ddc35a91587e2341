/** Containers as `describe` shows them: of pods with their state, of templates without. Pure. */
import type {
  Container,
  ContainerState,
  ContainerStatus,
  EnvVar,
  ObjectMeta,
  Probe,
} from "@sagong/orchestrator/api";
import { type DescribeText, orNone, sortedEntries, timeText, trueFalse } from "./describe-text.js";

export interface ContainersView {
  /** `Containers`, `Init Containers`. */
  readonly label: string;
  readonly containers: readonly Container[];
  readonly statuses?: readonly ContainerStatus[] | undefined;
  /** 0 in a pod, 1 in a template. */
  readonly level: 0 | 1;
  /** Of the pod, whose fields environment variables may take. */
  readonly metadata?: ObjectMeta;
}

export function describeContainers(text: DescribeText, view: ContainersView): void {
  const indent = view.level === 0 ? "" : "  ";
  if (view.containers.length === 0) return text.line(0, `${indent}${view.label}: <none>`);
  text.line(0, `${indent}${view.label}:`);
  for (const container of view.containers) {
    const status = view.statuses?.find(({ name }) => name === container.name);
    text.line(1, `${view.level === 0 ? "" : " "}${container.name}:`);
    describeImage(text, container, status);
    describeWords(text, "Command", container.command);
    describeWords(text, "Args", container.args);
    if (status) describeState(text, status);
    for (const [label, amounts] of [
      ["Limits", container.resources?.limits],
      ["Requests", container.resources?.requests],
    ] as const) {
      if (amounts && Object.keys(amounts).length > 0) text.line(2, `${label}:`);
      for (const [name, amount] of sortedEntries(amounts)) text.field(3, name, amount);
    }
    for (const [label, probe] of [
      ["Liveness", container.livenessProbe],
      ["Readiness", container.readinessProbe],
      ["Startup", container.startupProbe],
    ] as const) {
      if (probe) text.field(2, label, probeText(probe));
    }
    describeEnvironment(text, container, view.metadata);
    describeMounts(text, container);
  }
}

function describeImage(
  text: DescribeText,
  container: Container,
  status: ContainerStatus | undefined,
): void {
  if (status) text.field(2, "Container ID", status.containerID ?? "");
  text.field(2, "Image", container.image ?? "");
  if (status) text.field(2, "Image ID", status.imageID);
  const ports = container.ports ?? [];
  const several = ports.length > 1 ? "s" : "";
  const list = (numberOf: (port: (typeof ports)[number]) => number): string =>
    ports
      .map(
        (port) =>
          `${numberOf(port)}/${port.protocol ?? "TCP"}${port.name === undefined ? "" : ` (${port.name})`}`,
      )
      .join(", ");
  text.field(2, `Port${several}`, orNone(list(({ containerPort }) => containerPort)));
  text.field(2, `Host Port${several}`, orNone(list(({ hostPort = 0 }) => hostPort)));
}

function describeWords(text: DescribeText, label: string, words: readonly string[] = []): void {
  if (words.length === 0) return;
  text.line(2, `${label}:`);
  for (const line of words.flatMap((word) => word.split("\n"))) text.line(3, line);
}

function describeState(text: DescribeText, status: ContainerStatus): void {
  describeOneState(text, "State", status.state ?? {});
  if (status.lastState?.terminated) describeOneState(text, "Last State", status.lastState);
  text.field(2, "Ready", trueFalse(status.ready));
  text.field(2, "Restart Count", status.restartCount);
}

function describeOneState(text: DescribeText, label: string, state: ContainerState): void {
  const { running, terminated, waiting } = state;
  if (running) {
    text.field(2, label, "Running");
    text.field(3, "Started", timeText(running.startedAt));
  } else if (terminated) {
    text.field(2, label, "Terminated");
    if (terminated.reason) text.field(3, "Reason", terminated.reason);
    if (terminated.message) text.field(3, "Message", terminated.message);
    text.field(3, "Exit Code", terminated.exitCode);
    if (terminated.signal) text.field(3, "Signal", terminated.signal);
    text.field(3, "Started", timeText(terminated.startedAt));
    text.field(3, "Finished", timeText(terminated.finishedAt));
  } else {
    text.field(2, label, "Waiting");
    if (waiting?.reason) text.field(3, "Reason", waiting.reason);
    if (waiting?.message) text.field(3, "Message", waiting.message);
  }
}

function probeText(probe: Probe): string {
  const {
    initialDelaySeconds = 0,
    timeoutSeconds = 0,
    periodSeconds = 0,
    successThreshold = 0,
    failureThreshold = 0,
  } = probe;
  const attributes = `delay=${initialDelaySeconds}s timeout=${timeoutSeconds}s period=${periodSeconds}s #success=${successThreshold} #failure=${failureThreshold}`;
  const { exec, httpGet, tcpSocket, grpc } = probe;
  if (exec) return `exec [${(exec.command ?? []).join(" ")}] ${attributes}`;
  if (httpGet) {
    const { scheme = "HTTP", host = "", port, path = "" } = httpGet;
    return `http-get ${scheme.toLowerCase()}://${host}:${port}${path} ${attributes}`;
  }
  if (tcpSocket) return `tcp-socket ${tcpSocket.host ?? ""}:${tcpSocket.port} ${attributes}`;
  if (grpc) return `grpc <pod>:${grpc.port} ${grpc.service ?? ""} ${attributes}`;
  return `unknown ${attributes}`;
}

function describeEnvironment(
  text: DescribeText,
  container: Container,
  metadata: ObjectMeta | undefined,
): void {
  const { env = [], envFrom = [] } = container;
  if (envFrom.length > 0) text.line(2, "Environment Variables from:");
  for (const { configMapRef, secretRef, prefix = "" } of envFrom) {
    const from = configMapRef ? "ConfigMap" : "Secret";
    const source = configMapRef ?? secretRef;
    const how = prefix === "" ? from : `${from} with prefix '${prefix}'`;
    text.line(3, `${source?.name ?? ""}\t${how}\tOptional: ${source?.optional ?? false}`);
  }
  if (env.length === 0) return text.field(2, "Environment", "<none>");
  text.line(2, "Environment:");
  for (const variable of env) {
    const [first = "", ...rest] = environmentText(variable, metadata).split("\n");
    text.field(3, variable.name, first);
    for (const line of rest) text.line(3, `\t${line}`);
  }
}

function environmentText(
  { value = "", valueFrom }: EnvVar,
  metadata: ObjectMeta | undefined,
): string {
  if (!valueFrom) return value;
  const { fieldRef, resourceFieldRef, secretKeyRef, configMapKeyRef } = valueFrom;
  if (fieldRef) {
    const found = fieldText(fieldRef.fieldPath, metadata);
    return `${found} (${fieldRef.apiVersion ?? "v1"}:${fieldRef.fieldPath})`;
  }
  if (resourceFieldRef) return ` (${resourceFieldRef.resource})`;
  if (secretKeyRef) {
    return `<set to the key '${secretKeyRef.key}' in secret '${secretKeyRef.name ?? ""}'>\tOptional: ${secretKeyRef.optional ?? false}`;
  }
  if (configMapKeyRef) {
    return `<set to the key '${configMapKeyRef.key}' of config map '${configMapKeyRef.name ?? ""}'>\tOptional: ${configMapKeyRef.optional ?? false}`;
  }
  return "";
}

/** What is known without asking the node. */
function fieldText(path: string, metadata: ObjectMeta | undefined): string {
  const known: Readonly<Record<string, string | undefined>> = {
    "metadata.name": metadata?.name,
    "metadata.namespace": metadata?.namespace,
    "metadata.uid": metadata?.uid,
  };
  const [, list, key = ""] = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path) ?? [];
  if (list === "labels") return metadata?.labels?.[key] ?? "";
  if (list === "annotations") return metadata?.annotations?.[key] ?? "";
  return known[path] ?? "";
}

function describeMounts(text: DescribeText, { volumeMounts = [] }: Container): void {
  if (volumeMounts.length === 0) return text.field(2, "Mounts", "<none>");
  text.line(2, "Mounts:");
  for (const mount of volumeMounts.toSorted((a, b) => (a.mountPath < b.mountPath ? -1 : 1))) {
    const flags = [
      mount.readOnly ? "ro" : "rw",
      ...(mount.subPath === undefined ? [] : [`path="${mount.subPath}"`]),
    ];
    text.line(3, `${mount.mountPath} from ${mount.name} (${flags.join(",")})`);
  }
}

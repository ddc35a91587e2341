/** Defaults of pods and pod templates (k8s.io/kubernetes pkg/apis/core/v1/defaults.go). */
import type { Container, Pod, PodSpec, Probe, Volume } from "../gen/core-v1.js";

export function defaultPod(pod: Pod): Pod {
  return pod.spec ? { ...pod, spec: ofPodsOnly(defaultPodSpec(pod.spec)) } : pod;
}

/** Templates stay without these, or every controller's template would differ from its manifest. */
function ofPodsOnly(spec: PodSpec): PodSpec {
  const withRequests = (container: Container): Container => {
    const { limits, requests } = container.resources ?? {};
    if (!limits) return container;
    const resources = { ...container.resources, requests: { ...limits, ...requests } };
    return { ...container, resources };
  };
  return {
    ...spec,
    containers: spec.containers.map(withRequests),
    ...(spec.initContainers ? { initContainers: spec.initContainers.map(withRequests) } : {}),
  };
}

export function defaultPodSpec(spec: PodSpec): PodSpec {
  const serviceAccount = spec.serviceAccountName ?? spec.serviceAccount;
  return {
    restartPolicy: "Always",
    dnsPolicy: "ClusterFirst",
    terminationGracePeriodSeconds: 30,
    schedulerName: "default-scheduler",
    enableServiceLinks: true,
    ...spec,
    securityContext: spec.securityContext ?? {},
    ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount, serviceAccount }),
    containers: (spec.containers ?? []).map((one) => defaultContainer(one, spec)),
    ...(spec.initContainers
      ? { initContainers: spec.initContainers.map((one) => defaultContainer(one, spec)) }
      : {}),
    ...(spec.volumes ? { volumes: spec.volumes.map(defaultVolume) } : {}),
  };
}

function defaultContainer(container: Container, spec: PodSpec): Container {
  const { livenessProbe, readinessProbe, startupProbe, ports, env, resources } = container;
  return {
    ...container,
    terminationMessagePath: container.terminationMessagePath ?? "/dev/termination-log",
    terminationMessagePolicy: container.terminationMessagePolicy ?? "File",
    imagePullPolicy: container.imagePullPolicy ?? pullPolicy(container.image ?? ""),
    resources: resources ?? {},
    ...(ports
      ? {
          ports: ports.map((port) => ({
            ...port,
            protocol: port.protocol ?? "TCP",
            ...(spec.hostNetwork ? { hostPort: port.hostPort ?? port.containerPort } : {}),
          })),
        }
      : {}),
    ...(env ? { env: env.map(defaultEnv) } : {}),
    ...(livenessProbe ? { livenessProbe: defaultProbe(livenessProbe) } : {}),
    ...(readinessProbe ? { readinessProbe: defaultProbe(readinessProbe) } : {}),
    ...(startupProbe ? { startupProbe: defaultProbe(startupProbe) } : {}),
  };
}

/** Always for :latest and for no tag, as nobody can tell whether that changed. */
function pullPolicy(image: string): string {
  const name = image.slice(image.lastIndexOf("/") + 1);
  if (name.includes("@")) return "IfNotPresent";
  const tag = name.includes(":") ? name.slice(name.indexOf(":") + 1) : "latest";
  return tag === "latest" ? "Always" : "IfNotPresent";
}

function defaultEnv(variable: NonNullable<Container["env"]>[number]): typeof variable {
  const fieldRef = variable.valueFrom?.fieldRef;
  if (!fieldRef || fieldRef.apiVersion) return variable;
  return {
    ...variable,
    valueFrom: { ...variable.valueFrom, fieldRef: { ...fieldRef, apiVersion: "v1" } },
  };
}

function defaultProbe(probe: Probe): Probe {
  const { httpGet } = probe;
  return {
    ...probe,
    timeoutSeconds: probe.timeoutSeconds || 1,
    periodSeconds: probe.periodSeconds || 10,
    successThreshold: probe.successThreshold || 1,
    failureThreshold: probe.failureThreshold || 3,
    ...(httpGet
      ? { httpGet: { ...httpGet, path: httpGet.path ?? "/", scheme: httpGet.scheme ?? "HTTP" } }
      : {}),
  };
}

const VOLUME_MODE = 0o644;

function defaultVolume(volume: Volume): Volume {
  const { configMap, secret, downwardAPI, projected, hostPath } = volume;
  const sources = Object.keys(volume).filter((key) => key !== "name");
  return {
    ...volume,
    ...(sources.length === 0 ? { emptyDir: {} } : {}),
    ...(configMap ? { configMap: { defaultMode: VOLUME_MODE, ...configMap } } : {}),
    ...(secret ? { secret: { defaultMode: VOLUME_MODE, ...secret } } : {}),
    ...(downwardAPI ? { downwardAPI: { defaultMode: VOLUME_MODE, ...downwardAPI } } : {}),
    ...(projected ? { projected: { defaultMode: VOLUME_MODE, ...projected } } : {}),
    ...(hostPath ? { hostPath: { type: "", ...hostPath } } : {}),
  };
}

/** What the runtime is asked to make of one container of a pod: its spec, with all that it refers to. */
import type { Container } from "../../api/gen/core-v1.js";
import type { ContainerConfig, ContainerState } from "../runtime/runtime.js";
import { containerEnvironment, environmentReferences } from "./container-environment.js";
import { expandVariables } from "./expand-variables.js";
import { BACKOFF_ANNOTATION, nextBackoffMs } from "./restart-backoff.js";
import { containerUser } from "./security-context.js";
import { mountSource, type VolumeContext } from "./volumes.js";

export interface ContainerPlace extends VolumeContext {
  /** What every container finds in its environment. */
  readonly baseEnv: Readonly<Record<string, string>>;
}

export interface Attempt {
  readonly attempt: number;
  readonly previous: ContainerState | undefined;
}

/** Rejects with `RuntimeError` or `VolumeError` where the spec cannot be followed. */
export async function containerConfig(
  container: Container,
  { attempt, previous }: Attempt,
  place: ContainerPlace,
): Promise<ContainerConfig> {
  const env = await environment(container, place);
  const variables = new Map(env.map(({ name, value }) => [name, value]));
  const expand = (text: string): string => expandVariables(text, variables);
  const mounts = (container.volumeMounts ?? []).map((mount) => ({
    containerPath: mount.mountPath,
    hostPath: mountSource(place, {
      ...mount,
      ...(mount.subPathExpr === undefined ? {} : { subPath: expand(mount.subPathExpr) }),
    }),
    readOnly: mount.readOnly ?? false,
  }));
  return {
    name: container.name,
    attempt,
    image: container.image ?? "",
    command: (container.command ?? []).map(expand),
    args: (container.args ?? []).map(expand),
    workingDir: container.workingDir,
    env,
    mounts,
    user: containerUser(place.pod, container),
    logPath: `${container.name}/${attempt}.log`,
    annotations: { [BACKOFF_ANNOTATION]: String(nextBackoffMs(previous)) },
  };
}

async function environment(
  container: Container,
  { pod, podIp, hostIp, baseEnv, sources }: ContainerPlace,
): Promise<ContainerConfig["env"]> {
  const references = environmentReferences(pod);
  return containerEnvironment({
    pod,
    container,
    podIp,
    hostIp,
    base: { ...baseEnv, HOSTNAME: pod.metadata.name ?? "" },
    configMaps: await load(references.configMaps, (name) => sources.configMap(name)),
    secrets: await load(references.secrets, (name) => sources.secret(name)),
  });
}

/** Those that are there. */
async function load<T>(
  names: ReadonlySet<string>,
  get: (name: string) => Promise<T | undefined>,
): Promise<Map<string, T>> {
  const found = new Map<string, T>();
  for (const name of names) {
    const object = await get(name);
    if (object) found.set(name, object);
  }
  return found;
}

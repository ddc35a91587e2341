/**
 * What of a securityContext this agent acts on: the user and group that a container runs as. All
 * other fields are named, so that nobody believes them to be in force. Pure.
 */
import type { Container, Pod } from "../../api/gen/core-v1.js";
import { type ContainerUser, RuntimeError } from "../runtime/runtime.js";

/**
 * The container's own fields win over the pod's. Undefined: as the runtime's default user. Throws
 * `RuntimeError` where runAsNonRoot forbids the user, in the kubelet's words.
 */
export function containerUser(pod: Pod, container: Container): ContainerUser | undefined {
  const context = { ...defined(pod.spec?.securityContext), ...defined(container.securityContext) };
  const { runAsUser: uid, runAsGroup: gid, runAsNonRoot: nonRoot = false } = context;
  if (nonRoot && uid === 0) {
    throw new RuntimeError(
      "CreateContainerConfigError",
      `container's runAsUser breaks non-root policy (pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name})`,
    );
  }
  return uid === undefined && gid === undefined && !nonRoot ? undefined : { uid, gid, nonRoot };
}

interface UserFields {
  readonly runAsUser?: number | undefined;
  readonly runAsGroup?: number | undefined;
  readonly runAsNonRoot?: boolean | undefined;
}

function defined({ runAsUser, runAsGroup, runAsNonRoot }: UserFields = {}): UserFields {
  return {
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    ...(runAsNonRoot === undefined ? {} : { runAsNonRoot }),
  };
}

/**
 * The paths of security fields that are set and not among `applied`. Fields that forbid nothing
 * (false, an empty list) ask for nothing.
 */
export function ignoredSecurity(pod: Pod, applied: readonly string[]): string[] {
  const ignored: string[] = [];
  const look = (path: string, context: object | undefined): void => {
    for (const [field, value] of Object.entries(context ?? {})) {
      const isEmpty = value === undefined || (Array.isArray(value) && value.length === 0);
      const asksForNothing = value === false && field !== "allowPrivilegeEscalation";
      if (!isEmpty && !asksForNothing && !applied.includes(field)) ignored.push(`${path}.${field}`);
    }
  };
  const { spec } = pod;
  look("spec.securityContext", spec?.securityContext);
  for (const list of ["initContainers", "containers"] as const) {
    for (const { name, securityContext } of spec?.[list] ?? []) {
      look(`spec.${list}{${name}}.securityContext`, securityContext);
    }
  }
  return ignored;
}

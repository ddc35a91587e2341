/** A pod with all that the plugins ask of it again and again, worked out once. Pure. */
import type { Pod } from "../../api/gen/core-v1.js";
import { keyOf, keyText } from "../../api/resource.js";
import type { Amounts } from "./amounts.js";
import { type HostPort, hostPortsOf } from "./host-ports.js";
import { podNonZeroRequests, podRequests } from "./pod-requests.js";

export interface PodInfo {
  readonly key: string;
  readonly pod: Pod;
  readonly requests: Amounts;
  readonly nonZeroRequests: Amounts;
  readonly hostPorts: readonly HostPort[];
}

export function podInfoOf(pod: Pod): PodInfo {
  return {
    key: podKey(pod),
    pod,
    requests: podRequests(pod),
    nonZeroRequests: podNonZeroRequests(pod),
    hostPorts: hostPortsOf(pod),
  };
}

/** The uid: a pod that is made again under the same name is another one. */
export function podKey(pod: Pod): string {
  return pod.metadata.uid ?? keyText(keyOf(pod));
}

export function priorityOf({ spec }: Pod): number {
  return spec?.priority ?? 0;
}

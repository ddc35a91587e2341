/**
 * What a pod asks of a node, added up over its containers (component-helpers' resource.PodRequests).
 * Resizes in place are not served, so that what the status says of resources does not count. Pure.
 */
import type { Container, Pod, PodSpec } from "../../api/gen/core-v1.js";
import { type Amounts, amountsOf, largest, plus } from "./amounts.js";

/** kube-scheduler's stand-ins for a container that asks for nothing, so that spreading still works. */
const NON_ZERO: Amounts = { cpu: 100, memory: 200 * 1024 * 1024 };

/**
 * The larger of what the containers need together and what any moment of initialisation needs; an
 * init container that restarts always (a sidecar, KEP-753) runs beside all that come after it. What
 * the pod as a whole asks for (KEP-2837) stands in for that; overhead is added to either.
 */
export function podRequests({ spec }: Pod): Amounts {
  const requests = { ...total(spec, requestsOf), ...podLevelRequests(spec) };
  return plus(requests, amountsOf(spec?.overhead));
}

/**
 * As `podRequests` for cpu and memory, but never nothing unless it is said to be nothing: what the
 * score of the emptier node is made of.
 */
export function podNonZeroRequests({ spec }: Pod): Amounts {
  const requests = {
    ...total(spec, (container) => ({ ...NON_ZERO, ...requestsOf(container) })),
    ...podLevelRequests(spec),
  };
  const { cpu = 0, memory = 0 } = plus(requests, amountsOf(spec?.overhead));
  return { cpu, memory };
}

/** A limit without a request is the request too, as the API's defaults have it. */
function requestsOf({ resources }: Container): Amounts {
  return { ...amountsOf(resources?.limits), ...amountsOf(resources?.requests) };
}

/** A limit of the whole pod stands in for its request only where no container asks for any. */
function podLevelRequests(spec: PodSpec | undefined): Amounts {
  if (!spec?.resources) return {};
  const asked = total(spec, requestsOf);
  const limits = Object.entries(amountsOf(spec.resources.limits));
  const implied = Object.fromEntries(limits.filter(([name]) => asked[name] === undefined));
  const whole = Object.entries({ ...implied, ...amountsOf(spec.resources.requests) });
  return Object.fromEntries(whole.filter(([name]) => isPodLevel(name)));
}

function isPodLevel(name: string): boolean {
  return name === "cpu" || name === "memory" || name.startsWith("hugepages-");
}

function total(spec: PodSpec | undefined, of: (container: Container) => Amounts): Amounts {
  let running: Amounts = {};
  for (const container of spec?.containers ?? []) running = plus(running, of(container));
  let sidecars: Amounts = {};
  let start: Amounts = {};
  for (const container of spec?.initContainers ?? []) {
    const needs = plus(sidecars, of(container));
    start = largest(start, needs);
    if (container.restartPolicy === "Always") sidecars = needs;
  }
  return largest(plus(running, sidecars), start);
}

/** What a pod asks of a node, added up over its containers. Pure. */
import type { Container, Pod, PodSpec } from "../../api/gen/core-v1.js";
import { milliOf, unitsOf } from "../../api/meta/quantity.js";

/** Amounts by resource name: cpu in thousandths, everything else in whole units (bytes). */
export type Amounts = Readonly<Record<string, number>>;

/** kube-scheduler's stand-ins for a container that asks for nothing, so that spreading still works. */
const NON_ZERO_CPU_MILLI = 100;
const NON_ZERO_MEMORY_BYTES = 200 * 1024 * 1024;

export function amountsOf(list: Readonly<Record<string, string>> | undefined): Amounts {
  const amounts: Record<string, number> = {};
  for (const [name, text] of Object.entries(list ?? {})) {
    amounts[name] = name === "cpu" ? milliOf(text) : unitsOf(text);
  }
  return amounts;
}

/**
 * The larger of what the containers need together and what any moment of initialisation needs; an
 * init container that restarts always (a sidecar, KEP-753) runs beside all that come after it.
 */
export function podRequests(pod: Pod): Amounts {
  return total(pod.spec, requestsOf);
}

/** As `podRequests` for cpu and memory, but never nothing: what the scores are made of. */
export function podNonZeroRequests(pod: Pod): Amounts {
  return total(pod.spec, (container) => {
    const { cpu, memory } = requestsOf(container);
    return { cpu: cpu ?? NON_ZERO_CPU_MILLI, memory: memory ?? NON_ZERO_MEMORY_BYTES };
  });
}

export function plus(left: Amounts, right: Amounts, sign: 1 | -1 = 1): Amounts {
  const sum: Record<string, number> = { ...left };
  for (const [name, amount] of Object.entries(right)) {
    sum[name] = (sum[name] ?? 0) + sign * amount;
  }
  return sum;
}

/** A limit without a request is the request too. */
function requestsOf({ resources }: Container): Amounts {
  return { ...amountsOf(resources?.limits), ...amountsOf(resources?.requests) };
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
  const needed = largest(plus(running, sidecars), start);
  return plus(needed, amountsOf(spec?.overhead));
}

function largest(left: Amounts, right: Amounts): Amounts {
  const result: Record<string, number> = { ...left };
  for (const [name, amount] of Object.entries(right)) {
    result[name] = Math.max(result[name] ?? 0, amount);
  }
  return result;
}

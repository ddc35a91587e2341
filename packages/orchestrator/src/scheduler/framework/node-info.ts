/** One node as the plugins see it: the object, and the sums over the pods that it has. */
import type { Node, Pod } from "../../api/gen/core-v1.js";
import { type Amounts, amountsOf, plus, podNonZeroRequests, podRequests } from "./pod-requests.js";

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

interface Placed {
  readonly pod: Pod;
  readonly requests: Amounts;
  readonly nonZero: Amounts;
  readonly ports: readonly HostPort[];
}

export class NodeInfo {
  #node: Node | undefined;
  #allocatable: Amounts = {};
  #requested: Amounts = {};
  #nonZeroRequested: Amounts = {};
  readonly #pods = new Map<string, Placed>();

  /** Undefined while only its pods are known. */
  get node(): Node | undefined {
    return this.#node;
  }

  set node(node: Node | undefined) {
    this.#node = node;
    this.#allocatable = amountsOf(node?.status?.allocatable);
  }

  get allocatable(): Amounts {
    return this.#allocatable;
  }

  get requested(): Amounts {
    return this.#requested;
  }

  get nonZeroRequested(): Amounts {
    return this.#nonZeroRequested;
  }

  get podCount(): number {
    return this.#pods.size;
  }

  *pods(): Generator<Pod> {
    for (const { pod } of this.#pods.values()) yield pod;
  }

  *hostPorts(): Generator<HostPort> {
    for (const { ports } of this.#pods.values()) yield* ports;
  }

  /** A pod that is there already is replaced: its requests may have changed. */
  add(key: string, pod: Pod): void {
    this.remove(key);
    const placed = {
      pod,
      requests: podRequests(pod),
      nonZero: podNonZeroRequests(pod),
      ports: hostPortsOf(pod),
    };
    this.#pods.set(key, placed);
    this.#requested = plus(this.#requested, placed.requests);
    this.#nonZeroRequested = plus(this.#nonZeroRequested, placed.nonZero);
  }

  remove(key: string): void {
    const placed = this.#pods.get(key);
    if (!placed) return;
    this.#pods.delete(key);
    this.#requested = plus(this.#requested, placed.requests, -1);
    this.#nonZeroRequested = plus(this.#nonZeroRequested, placed.nonZero, -1);
  }
}

export function hostPortsOf(pod: Pod): readonly HostPort[] {
  return (pod.spec?.containers ?? []).flatMap(({ ports }) =>
    (ports ?? [])
      .filter(({ hostPort }) => (hostPort ?? 0) > 0)
      .map(({ hostPort, hostIP, protocol }) => ({
        ip: hostIP === undefined || hostIP === "" ? "0.0.0.0" : hostIP,
        protocol: protocol ?? "TCP",
        port: hostPort ?? 0,
      })),
  );
}

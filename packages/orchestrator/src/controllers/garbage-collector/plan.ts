/**
 * What becomes of an object with owners, given what became of them (k8s.io/kubernetes
 * pkg/controller/garbagecollector, attemptToDeleteItem). Pure.
 */
import type { OwnerReference } from "../../api/gen/meta-v1.js";
import type { KubeObject } from "../../api/resource.js";

/**
 * `solid`: it is there. `dangling`: it is gone. `waiting`: it is in a foreground deletion, and goes
 * once its blocking dependents have gone.
 */
export type OwnerState = "solid" | "dangling" | "waiting";

export type CollectorAction =
  | { readonly kind: "keep" }
  | { readonly kind: "set-owners"; readonly owners: readonly OwnerReference[] }
  | {
      readonly kind: "delete";
      readonly policy: "Background" | "Foreground" | "Orphan";
      /** Set where the object must first let its owners go, lest a circle waits for itself. */
      readonly unblocked?: readonly OwnerReference[];
    };

export interface CollectorInput {
  readonly object: KubeObject;
  readonly stateOf: (owner: OwnerReference) => OwnerState;
  readonly dependents: readonly KubeObject[];
}

export const FOREGROUND = "foregroundDeletion";
export const ORPHAN = "orphan";

export function planCollection({ object, stateOf, dependents }: CollectorInput): CollectorAction {
  const owners = object.metadata.ownerReferences ?? [];
  if (owners.length === 0) return { kind: "keep" };
  const solid = owners.filter((owner) => stateOf(owner) === "solid");
  if (solid.length === owners.length) return { kind: "keep" };
  if (solid.length > 0) return { kind: "set-owners", owners: solid };
  const isWaitedFor = owners.some((owner) => stateOf(owner) === "waiting");
  if (isWaitedFor && dependents.length > 0) {
    // What it owns must go before it, as it must before its own owner.
    if (!dependents.some(isInForeground)) return { kind: "delete", policy: "Foreground" };
    const unblocked = owners.map((owner) => ({ ...owner, blockOwnerDeletion: false }));
    return { kind: "delete", policy: "Foreground", unblocked };
  }
  const { finalizers = [] } = object.metadata;
  if (finalizers.includes(ORPHAN)) return { kind: "delete", policy: "Orphan" };
  if (finalizers.includes(FOREGROUND)) return { kind: "delete", policy: "Foreground" };
  return { kind: "delete", policy: "Background" };
}

export function isInForeground({ metadata }: KubeObject): boolean {
  const { deletionTimestamp, finalizers = [] } = metadata;
  return deletionTimestamp !== undefined && finalizers.includes(FOREGROUND);
}

/** Whether `dependent` must go before the owner with this uid may. */
export function blocks({ metadata }: KubeObject, owner: string | undefined): boolean {
  return (metadata.ownerReferences ?? []).some(
    ({ uid, blockOwnerDeletion }) => uid === owner && blockOwnerDeletion === true,
  );
}

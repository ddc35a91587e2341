/**
 * How many replicas each replica set of a deployment should have now (kube-controller-manager's
 * rolling.go, recreate.go and sync.go). Pure.
 *
 * S1 a rolling update has never more pods than replicas + maxSurge. Upstream counts what old
 *    replica sets are asked to have; here those count that they still have.
 * S2 it never takes an available pod away where fewer than replicas - maxUnavailable would be left.
 *
 * Both hold at every moment, because nothing moves while a replica set's controller is behind: its
 * counts are those of another size.
 */
import type { Deployment, ReplicaSet } from "../../api/gen/apps-v1.js";
import { resolvePercent } from "../../api/meta/percent.js";
import { compareByAge, DESIRED_ANNOTATION, MAX_ANNOTATION } from "./revision.js";

/** What is there; `fresh` has the present template. */
export interface ReplicaSets {
  readonly fresh: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
}

export interface Scaling {
  /** Set where a new replica set must be made. */
  readonly create: number | undefined;
  readonly sizes: ReadonlyMap<ReplicaSet, number>;
}

const NO_CHANGE: Scaling = { create: undefined, sizes: new Map() };

export const wantedOf = (deployment: Deployment): number => deployment.spec?.replicas ?? 1;
export const sizeOf = (replicaSet: ReplicaSet): number => replicaSet.spec?.replicas ?? 1;
export const podsOf = (replicaSet: ReplicaSet): number => replicaSet.status?.replicas ?? 0;
export const availableOf = (replicaSet: ReplicaSet): number =>
  replicaSet.status?.availableReplicas ?? 0;

export function sum(
  replicaSets: readonly ReplicaSet[],
  of: (replicaSet: ReplicaSet) => number,
): number {
  return replicaSets.reduce((total, replicaSet) => total + of(replicaSet), 0);
}

export function isRecreate({ spec }: Deployment): boolean {
  return spec?.strategy?.type === "Recreate";
}

/** Surge rounds up, unavailable down; where both would be 0 nothing could ever move. */
export function bounds(deployment: Deployment): {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
} {
  if (isRecreate(deployment)) return { maxSurge: 0, maxUnavailable: 0 };
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const replicas = wantedOf(deployment);
  const maxSurge = resolvePercent(rolling?.maxSurge ?? "25%", replicas, "up");
  const maxUnavailable = resolvePercent(rolling?.maxUnavailable ?? "25%", replicas, "down");
  const least = maxSurge === 0 ? 1 : 0;
  return { maxSurge, maxUnavailable: Math.min(Math.max(maxUnavailable, least), replicas) };
}

/** The sizes that replica sets are noted to have been made for: a later `scale` goes by them. */
export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const wanted = wantedOf(deployment);
  return {
    [DESIRED_ANNOTATION]: String(wanted),
    [MAX_ANNOTATION]: String(wanted + bounds(deployment).maxSurge),
  };
}

/** Whether the deployment was given another size since its replica sets were sized. */
export function wasScaled(deployment: Deployment, { fresh, old }: ReplicaSets): boolean {
  return present(fresh, old).some((replicaSet) => {
    const desired = replicaSet.metadata.annotations?.[DESIRED_ANNOTATION];
    return sizeOf(replicaSet) > 0 && desired !== undefined && desired !== `${wantedOf(deployment)}`;
  });
}

/** All old pods go before the first new one comes; `oldPodsLive` counts those still ending. */
export function recreate(
  deployment: Deployment,
  { fresh, old }: ReplicaSets,
  oldPodsLive: boolean,
): Scaling {
  const shrinking = old.filter((replicaSet) => sizeOf(replicaSet) > 0);
  if (shrinking.length > 0) return resize(shrinking.map((replicaSet) => [replicaSet, 0]));
  // Who is behind may be making pods still, of a size that it had.
  if (oldPodsLive || sum(old, podsOf) > 0 || old.some(isBehind)) return NO_CHANGE;
  return growTo(fresh, wantedOf(deployment));
}

/** One step of a rolling update: first grow the new one, then shrink old ones. */
export function roll(deployment: Deployment, { fresh, old }: ReplicaSets): Scaling {
  const replicas = wantedOf(deployment);
  const { maxSurge, maxUnavailable } = bounds(deployment);
  const size = fresh ? sizeOf(fresh) : 0;
  if (fresh && size > replicas) return growTo(fresh, replicas);
  const still = (replicaSet: ReplicaSet): number =>
    Math.max(sizeOf(replicaSet), podsOf(replicaSet));
  const all = present(fresh, old);
  if (all.some(isBehind)) return fresh ? NO_CHANGE : growTo(fresh, 0);
  const room = Math.max(0, replicas + maxSurge - sum(all, still));
  const grown = Math.min(replicas, size + room);
  if (!fresh || grown > size) return growTo(fresh, grown);
  return shrinkOld(fresh, old, { replicas, maxUnavailable });
}

/**
 * Another size while no rollout may go on, or in the middle of one: in proportion to what each
 * replica set has, so that a bad rollout is not made larger than it was.
 */
export function scale(deployment: Deployment, { fresh, old }: ReplicaSets): Scaling {
  const wanted = wantedOf(deployment);
  const active = present(fresh, old).filter((replicaSet) => sizeOf(replicaSet) > 0);
  const [only = fresh ?? old.toSorted(compareByAge).at(-1)] = active;
  if (active.length <= 1) return only ? resize([[only, wanted]]) : NO_CHANGE;
  if (fresh && isSaturated(fresh, wanted)) {
    return resize(
      active.filter((replicaSet) => replicaSet !== fresh).map((replicaSet) => [replicaSet, 0]),
    );
  }
  return isRecreate(deployment) ? NO_CHANGE : resize([...proportions(deployment, active)]);
}

/** Its controller has not seen its present size: its counts are those of another. */
export function isBehind({ metadata, status }: ReplicaSet): boolean {
  return (status?.observedGeneration ?? 0) < (metadata.generation ?? 0);
}

function present(fresh: ReplicaSet | undefined, old: readonly ReplicaSet[]): ReplicaSet[] {
  return fresh ? [...old, fresh] : [...old];
}

function resize(sizes: readonly (readonly [ReplicaSet, number])[]): Scaling {
  return { create: undefined, sizes: new Map(sizes) };
}

function growTo(fresh: ReplicaSet | undefined, replicas: number): Scaling {
  return fresh ? resize([[fresh, replicas]]) : { create: replicas, sizes: new Map() };
}

function isSaturated(fresh: ReplicaSet, wanted: number): boolean {
  const desired = fresh.metadata.annotations?.[DESIRED_ANNOTATION];
  return desired === `${wanted}` && sizeOf(fresh) === wanted && availableOf(fresh) === wanted;
}

/** Unhealthy old pods first, then as many healthy ones as maxUnavailable leaves room for. */
function shrinkOld(
  fresh: ReplicaSet,
  old: readonly ReplicaSet[],
  { replicas, maxUnavailable }: { readonly replicas: number; readonly maxUnavailable: number },
): Scaling {
  const least = replicas - maxUnavailable;
  const unavailableNew = Math.max(0, sizeOf(fresh) - availableOf(fresh));
  let room = sum([fresh, ...old], sizeOf) - least - unavailableNew;
  if (room <= 0) return NO_CHANGE;
  const sizes = new Map(old.toSorted(compareByAge).map((one) => [one, sizeOf(one)]));
  for (const [replicaSet, size] of sizes) {
    const unhealthy = Math.min(Math.max(0, size - availableOf(replicaSet)), room);
    sizes.set(replicaSet, size - unhealthy);
    room -= unhealthy;
  }
  let spare = Math.min(room, sum([fresh, ...old], availableOf) - least);
  for (const [replicaSet, size] of sizes) {
    const step = Math.min(size, Math.max(0, spare));
    sizes.set(replicaSet, size - step);
    spare -= step;
  }
  return { create: undefined, sizes };
}

/** Largest first. What rounding leaves over goes to the largest, as far as it reaches. */
function proportions(
  deployment: Deployment,
  active: readonly ReplicaSet[],
): ReadonlyMap<ReplicaSet, number> {
  const wanted = wantedOf(deployment);
  const allowed = wanted > 0 ? wanted + bounds(deployment).maxSurge : 0;
  let left = allowed - sum(active, sizeOf);
  const newerFirst = left > 0 ? -1 : 1; // Of two alike the newer grows, the older shrinks.
  const ordered = active.toSorted(
    (a, b) => sizeOf(b) - sizeOf(a) || newerFirst * compareByAge(a, b),
  );
  const sizes = new Map(ordered.map((replicaSet) => [replicaSet, sizeOf(replicaSet)]));
  const change = (replicaSet: ReplicaSet, share: number): void => {
    const size = sizes.get(replicaSet) ?? 0;
    // In the direction of the whole, no further than the whole, and not below none.
    const step = left > 0 ? Math.min(Math.max(share, 0), left) : Math.max(Math.min(share, 0), left);
    const next = Math.max(0, size + step);
    sizes.set(replicaSet, next);
    left -= next - size;
  };
  for (const replicaSet of ordered) change(replicaSet, fraction(deployment, replicaSet));
  for (const replicaSet of ordered) change(replicaSet, left);
  return sizes;
}

/** By how much a replica set changes where all change as the whole does. */
function fraction(deployment: Deployment, replicaSet: ReplicaSet): number {
  const wanted = wantedOf(deployment);
  const size = sizeOf(replicaSet);
  if (wanted === 0) return -size;
  const noted = Number(replicaSet.metadata.annotations?.[MAX_ANNOTATION]);
  const before = noted > 0 ? noted : (deployment.status?.replicas ?? 0);
  if (before === 0) return 0;
  return Math.round((size * (wanted + bounds(deployment).maxSurge)) / before) - size;
}

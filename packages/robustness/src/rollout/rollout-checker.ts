/**
 * Judges every change of a Deployment's ReplicaSets and pods in the store, in the order in which they
 * became true, by what Kubernetes promises of a rollout. Verified:
 *
 * - `rollout-max-surge`: no replica set is made or grown so that the sizes (spec.replicas) of all of
 *   a Deployment's come to more than replicas + maxSurge; and no pod is made so that more than that
 *   are there which are not terminating.
 * - `rollout-max-unavailable`: no available pod is taken away for a replica set that a rolling
 *   update has made smaller, where fewer than replicas - maxUnavailable would be left.
 * - `rollout-expectations`: a replica set's controller never makes a pod beyond its size, nor takes
 *   one away that the size asks for, however late its informer is.
 * - `rollout-one-replica-set`: a Deployment has one replica set of a template at most.
 * - `pod-bound-once`: a pod that has a node never gets another.
 * - `rollout-events`: each ScalingReplicaSet event tells of a change that was made.
 * - `rollout-recreate`: no replica set of a Deployment of type Recreate that is not paused grows while
 *   a pod of another lives.
 * - `rollout-as-asked`: a user's change is answered with what was asked for.
 * - `rollout-nothing-breaks`: no program logs an error.
 *
 * A controller acts on the Deployment that it has been shown, which may be old: the bounds are the
 * loosest of those versions that the program that wrote had been shown since `REASONING_MS` before
 * it sent the write. This is exact where informers are current.
 *
 * Not promised, and so not verified: that pods do not become unavailable by themselves. Each pod
 * that crashes, is deleted by others or taken by a change of size (which goes by proportion and
 * minds no maxUnavailable, as upstream) counts for `CREDIT_MS` after it, as long as what the controllers
 * decide on may be from before, or, where the pod came back, from meanwhile: what is taken for
 * unavailable is dropped first. Not verified: order of deletion.
 */
import type { Deployment, KubeObject, Pod, ReplicaSet } from "@sagong/orchestrator/api";
import { equalTrees, type Event } from "@sagong/orchestrator/api";
import type { Violation } from "../history/history.js";
import type { World } from "../world/world.js";
import type { LinkObserver } from "./api-link.js";
import { boundsOf } from "./rollout-bounds.js";
import type { RolloutGuarantee } from "./rollout-guarantees.js";
import { EPOCH_MS, type SimulatedProcess } from "./simulated-process.js";
import type { TrueChange } from "./true-store.js";

/** From reading its informers to sending the last write that follows: the longest reconciliation. */
const REASONING_MS = 10_000;
/** From a pod's loss until everything decided without knowing of it has been done. */
const CREDIT_MS = 60_000;
/** More than one fault shows of itself in the first; each costs memory. */
const VIOLATIONS_MAX = 20;

const DESIRED = "deployment.kubernetes.io/desired-replicas";
const HASH_LABEL = "pod-template-hash";

interface Shown<T> {
  readonly atMs: number;
  readonly object: T;
}

/** What one run of a program has been shown, the latest last. */
interface Knowledge {
  readonly deployments: Map<string, Shown<Deployment>[]>;
  readonly replicaSets: Map<string, Shown<ReplicaSet>[]>;
}

interface Asked {
  readonly process: SimulatedProcess;
  readonly atMs: number;
}

export class RolloutChecker implements LinkObserver {
  readonly violations: Violation[] = [];
  readonly #world: World;
  readonly #deployments = new Map<string, Deployment>();
  readonly #replicaSets = new Map<string, ReplicaSet>();
  readonly #pods = new Map<string, Pod>();
  readonly #knowledge = new Map<SimulatedProcess, Knowledge>();
  /** By verb, resource and name (a pod's maker: its owner's uid): who asked last. */
  readonly #asked = new Map<string, Asked>();
  /** By Deployment's uid: the bound that was kept when one of its replica sets grew last. */
  readonly #most = new Map<string, number>();
  /** By replica set's uid: what its last becoming smaller left room for; undefined: no rolling update. */
  readonly #least = new Map<string, number | undefined>();
  /** By pod's uid: when it was lost by no fault of a rolling update, and of which Deployment. */
  readonly #lost = new Map<string, { readonly owner: string; readonly atMs: number }>();
  /** `name from to`, of all changes of size. */
  readonly #scalings = new Set<string>();
  #changes = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** How many changes were judged. */
  get changes(): number {
    return this.#changes;
  }

  asked(process: SimulatedProcess, verb: "create" | "change" | "delete", key: string): void {
    this.#asked.set(`${verb} ${key}`, { process, atMs: this.#world.nowMs });
  }

  shown(process: SimulatedProcess, resource: string, object: KubeObject): void {
    if (resource !== "deployments" && resource !== "replicasets") return;
    const knowledge = this.#knowledge.get(process) ?? {
      deployments: new Map<string, Shown<Deployment>[]>(),
      replicaSets: new Map<string, Shown<ReplicaSet>[]>(),
    };
    this.#knowledge.set(process, knowledge);
    const uid = object.metadata.uid ?? "";
    const seen = { atMs: this.#world.nowMs };
    // The resource says which of the two it is.
    if (resource === "deployments")
      push(knowledge.deployments, uid, { ...seen, object: object as Deployment });
    else push(knowledge.replicaSets, uid, { ...seen, object: object as ReplicaSet });
  }

  /** A program logged an error: something of it broke that is not being retried. */
  reported(name: string, text: string): void {
    this.#violated("rollout-nothing-breaks", `${name}: ${text}`);
  }

  /** A user was answered with another object than was asked for. */
  ignored(text: string): void {
    this.#violated("rollout-as-asked", text);
  }

  changed({ key, before, after }: TrueChange): void {
    this.#changes++;
    const object = after ?? before;
    const uid = object?.metadata.uid ?? "";
    // The key's folder says what it is.
    if (key.startsWith("/deployments/"))
      set(this.#deployments, uid, after as Deployment | undefined);
    else if (key.startsWith("/replicasets/"))
      this.#replicaSetChanged(
        uid,
        before as ReplicaSet | undefined,
        after as ReplicaSet | undefined,
      );
    else if (key.startsWith("/pods/"))
      this.#podChanged(uid, before as Pod | undefined, after as Pod | undefined);
    else if (key.startsWith("/events/") && after) this.#eventWritten(after as Event);
  }

  // ── Replica sets ─────────────────────────────────────────────────────────────────────────────

  #replicaSetChanged(
    uid: string,
    before: ReplicaSet | undefined,
    after: ReplicaSet | undefined,
  ): void {
    set(this.#replicaSets, uid, after);
    if (!after) return;
    const owner = ownerOf(after);
    const deployment = this.#deployments.get(owner);
    if (!deployment) return;
    const { name = "" } = after.metadata;
    const [from, to] = [before ? sizeOf(before) : 0, sizeOf(after)];
    if (from !== to) this.#scalings.add(`${name} ${from} ${to}`);
    const asked = this.#asked.get(`${before ? "change" : "create"} replicasets/${name}`);
    const versions = this.#shownDeployments(asked, owner);
    if (!before) this.#checkTemplates(owner, after);
    if (to > from) this.#checkGrowth(owner, after, versions);
    if (before && to < from) {
      const isRolling = versions.every((one) => isRollingStep(one, before));
      const least = Math.min(...versions.map((one) => boundsOf(one).least));
      this.#least.set(uid, isRolling ? least : undefined);
    }
  }

  #checkGrowth(owner: string, grown: ReplicaSet, versions: readonly Deployment[]): void {
    const sizes = this.#ownedBy(owner).map(sizeOf);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const most = Math.max(...versions.map((one) => boundsOf(one).most));
    this.#most.set(owner, most);
    // A paused one is sized without waiting, as upstream's.
    if (versions.every((one) => isRecreate(one) && !one.spec?.paused))
      this.#checkRecreate(owner, grown);
    if (total <= most) return;
    const { name } = grown.metadata;
    this.#violated(
      "rollout-max-surge",
      `${name} grew to ${sizeOf(grown)}: the replica sets come to ${total}, more than ${most}`,
    );
  }

  #checkRecreate(owner: string, grown: ReplicaSet): void {
    if (sizeOf(grown) === 0) return;
    const others = new Set(this.#ownedBy(owner).map(({ metadata }) => metadata.uid));
    others.delete(grown.metadata.uid);
    const left = [...this.#pods.values()].filter((pod) => others.has(ownerOf(pod)) && isLive(pod));
    if (left.length === 0) return;
    const names = left.map(({ metadata }) => metadata.name).join(", ");
    this.#violated("rollout-recreate", `${grown.metadata.name} grew while ${names} lived`);
  }

  #checkTemplates(owner: string, made: ReplicaSet): void {
    const same = this.#ownedBy(owner).filter(
      (one) => one.metadata.uid !== made.metadata.uid && haveSameTemplate(one, made),
    );
    if (same.length === 0) return;
    const names = same.map(({ metadata }) => metadata.name).join(", ");
    this.#violated(
      "rollout-one-replica-set",
      `${made.metadata.name} was made with the template that ${names} has`,
    );
  }

  // ── Pods ─────────────────────────────────────────────────────────────────────────────────────

  #podChanged(uid: string, before: Pod | undefined, after: Pod | undefined): void {
    const replicaSet = this.#replicaSets.get(ownerOf(after ?? before));
    const deployment = replicaSet && ownerOf(replicaSet);
    const wasAvailable = before !== undefined && this.#isAvailable(before, replicaSet);
    set(this.#pods, uid, after);
    if (before?.spec?.nodeName && after && after.spec?.nodeName !== before.spec.nodeName) {
      const [was, is] = [before.spec.nodeName, after.spec?.nodeName];
      this.#violated("pod-bound-once", `${after.metadata.name} was on ${was}, and now is on ${is}`);
    }
    if (!replicaSet || deployment === undefined) return;
    if (!before && after) return this.#podMade(replicaSet, deployment);
    const isTaken = before !== undefined && isActive(before) && (!after || !isActive(after));
    if (isTaken) return this.#podTaken(before, { replicaSet, deployment, wasAvailable });
    const isAvailable = after !== undefined && this.#isAvailable(after, replicaSet);
    if (wasAvailable && !isAvailable) this.#lose(uid, deployment);
  }

  #podMade(replicaSet: ReplicaSet, deployment: string): void {
    const { uid = "", name = "" } = replicaSet.metadata;
    const own = this.#activePods(uid).length;
    const asked = this.#asked.get(`create pods/${uid}`);
    const size = Math.max(...this.#shownReplicaSets(asked, uid).map(sizeOf));
    if (own > size) {
      this.#violated(
        "rollout-expectations",
        `${name} has ${own} pods, and never was above ${size}`,
      );
    }
    const most = this.#most.get(deployment) ?? 0;
    const total = this.#ownedBy(deployment).flatMap((one) =>
      this.#activePods(one.metadata.uid ?? ""),
    ).length;
    if (total <= most) return;
    this.#violated(
      "rollout-max-surge",
      `${name} made a pod: there are ${total}, more than ${most}`,
    );
  }

  #podTaken(
    pod: Pod,
    of: {
      readonly replicaSet: ReplicaSet;
      readonly deployment: string;
      readonly wasAvailable: boolean;
    },
  ): void {
    const { replicaSet, deployment, wasAvailable } = of;
    const { uid: podUid = "", name: podName } = pod.metadata;
    const { uid = "", name } = replicaSet.metadata;
    const asked = this.#asked.get(`delete pods/${podName}`);
    if (!asked?.process.name.startsWith("controller-manager")) {
      // By others, whatever becomes of it.
      this.#lose(podUid, deployment);
      return;
    }
    const left = this.#activePods(uid).length;
    const size = Math.min(...this.#shownReplicaSets(asked, uid).map(sizeOf));
    const gone = this.#lostOf(deployment, uid);
    if (left + gone < size) {
      const text = `${name} has ${left} pods left (${gone} were lost), and never was below ${size}`;
      this.#violated("rollout-expectations", text);
    }
    if (!wasAvailable) return;
    const least = this.#least.get(uid);
    if (least === undefined) return this.#lose(podUid, deployment);
    const available = this.#availableOf(deployment);
    const credit = this.#lostOf(deployment);
    if (available + credit >= least) return;
    const text = `${name} gave up ${podName}: ${available} are available (${credit} were lost), less than ${least}`;
    this.#violated("rollout-max-unavailable", text);
  }

  #lose(uid: string, owner: string): void {
    this.#lost.set(uid, { owner, atMs: this.#world.nowMs });
  }

  /** Not lost any longer than their loss can still be unknown; of one replica set, where named. */
  #lostOf(deployment: string, replicaSet?: string): number {
    let count = 0;
    for (const [uid, { owner, atMs }] of this.#lost) {
      if (atMs < this.#world.nowMs - CREDIT_MS) this.#lost.delete(uid);
      else if (owner === deployment) {
        const pod = this.#pods.get(uid);
        // One that is gone from the store may have been any replica set's.
        if (replicaSet === undefined || !pod || ownerOf(pod) === replicaSet) count++;
      }
    }
    return count;
  }

  // ── Events ───────────────────────────────────────────────────────────────────────────────────

  #eventWritten({ reason, message = "" }: Event): void {
    if (reason !== "ScalingReplicaSet") return;
    const told = /Scaled (?:up|down) replica set (\S+) from (\d+) to (\d+)$/.exec(message);
    if (told && this.#scalings.has(`${told[1]} ${told[2]} ${told[3]}`)) return;
    this.#violated("rollout-events", `the event "${message}" tells of what never happened`);
  }

  // ── Parts ────────────────────────────────────────────────────────────────────────────────────

  #shownDeployments(asked: Asked | undefined, uid: string): readonly Deployment[] {
    const known = asked && this.#knowledge.get(asked.process)?.deployments.get(uid);
    return since(known ?? [], asked) ?? this.#present(this.#deployments.get(uid));
  }

  #shownReplicaSets(asked: Asked | undefined, uid: string): readonly ReplicaSet[] {
    const known = asked && this.#knowledge.get(asked.process)?.replicaSets.get(uid);
    return since(known ?? [], asked) ?? this.#present(this.#replicaSets.get(uid));
  }

  #present<T>(object: T | undefined): readonly T[] {
    return object === undefined ? [] : [object];
  }

  #ownedBy(deployment: string): ReplicaSet[] {
    return [...this.#replicaSets.values()].filter((one) => ownerOf(one) === deployment);
  }

  #activePods(replicaSet: string): Pod[] {
    return [...this.#pods.values()].filter((pod) => ownerOf(pod) === replicaSet && isActive(pod));
  }

  #availableOf(deployment: string): number {
    return this.#ownedBy(deployment).reduce(
      (sum, one) =>
        sum +
        this.#activePods(one.metadata.uid ?? "").filter((pod) => this.#isAvailable(pod, one))
          .length,
      0,
    );
  }

  #isAvailable(pod: Pod, replicaSet: ReplicaSet | undefined): boolean {
    if (!isActive(pod)) return false;
    const ready = pod.status?.conditions?.find(({ type }) => type === "Ready");
    if (ready?.status !== "True") return false;
    const minReadyMs = (replicaSet?.spec?.minReadySeconds ?? 0) * 1000;
    if (minReadyMs === 0) return true;
    const wallMs = EPOCH_MS + Math.floor(this.#world.nowMs);
    return Date.parse(ready.lastTransitionTime ?? "") + minReadyMs <= wallMs;
  }

  #violated(guarantee: RolloutGuarantee, text: string): void {
    if (this.violations.length >= VIOLATIONS_MAX) return;
    this.violations.push({ guarantee, text, atMs: this.#world.nowMs });
    this.#world.trace.add({ kind: "violation", text: `${guarantee}: ${text}` });
  }
}

/** What was known `REASONING_MS` before it was asked for, and everything since; undefined: nothing. */
function since<T>(shown: readonly Shown<T>[], asked: Asked | undefined): readonly T[] | undefined {
  const fromMs = (asked?.atMs ?? 0) - REASONING_MS;
  const first = shown.findLastIndex(({ atMs }) => atMs <= fromMs);
  const known = shown.slice(Math.max(0, first)).map(({ object }) => object);
  return known.length === 0 ? undefined : known;
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

function set<T>(map: Map<string, T>, key: string, value: T | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

const sizeOf = ({ spec }: ReplicaSet): number => spec?.replicas ?? 1;

function ownerOf(object: KubeObject | undefined): string {
  return object?.metadata.ownerReferences?.find(({ controller }) => controller)?.uid ?? "";
}

function isActive(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && isLive(pod);
}

/** Has not ended: one that is being deleted lives until it is gone. */
function isLive({ status }: Pod): boolean {
  return status?.phase !== "Succeeded" && status?.phase !== "Failed";
}

function isRecreate({ spec }: Deployment): boolean {
  return spec?.strategy?.type === "Recreate";
}

/** Not where the Deployment was given another size, or is paused: then sizes go by proportion. */
function isRollingStep({ spec }: Deployment, before: ReplicaSet): boolean {
  const desired = before.metadata.annotations?.[DESIRED];
  return spec?.paused !== true && (desired === undefined || desired === `${spec?.replicas ?? 1}`);
}

function haveSameTemplate(a: ReplicaSet, b: ReplicaSet): boolean {
  return equalTrees(withoutHash(a), withoutHash(b));
}

function withoutHash({ spec }: ReplicaSet): unknown {
  const { [HASH_LABEL]: _hash, ...labels } = spec?.template?.metadata?.labels ?? {};
  return { ...spec?.template, metadata: { ...spec?.template?.metadata, labels } };
}

/**
 * Deletes what nobody owns any more, and sees foreground and orphaning deletions through. Knows
 * every object of every resource by uid; an owner that seems to be gone is asked for once more
 * before anything is deleted for it.
 *
 * G1 nothing is deleted or changed but on the version that was judged: an object that was adopted
 *    or orphaned meanwhile is judged anew.
 */
import { isApiError } from "../../api/api-status.js";
import type { OwnerReference } from "../../api/gen/meta-v1.js";
import { apiVersionOf, keyOf, type Resource } from "../../api/resource.js";
import type { Controller, ControllerContext } from "../../controller/controller-context.js";
import { WorkQueue } from "../../controller/work-queue.js";
import { type Known, OwnerGraph } from "./owner-graph.js";
import {
  blocks,
  FOREGROUND,
  isInForeground,
  ORPHAN,
  type OwnerState,
  planCollection,
} from "./plan.js";

/** kube-controller-manager's --concurrent-gc-syncs. */
const WORKERS = 20;

export class GarbageCollector implements Controller {
  readonly name: string = "garbagecollector";
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #graph = new OwnerGraph();
  readonly #resources: readonly Resource[];

  constructor(context: ControllerContext, resources: readonly Resource[]) {
    this.#context = context;
    // Events own nothing, are owned by nothing, and are many.
    this.#resources = resources.filter(({ resource }) => resource !== "events");
    for (const resource of this.#resources) context.informer(resource);
    this.#queue = new WorkQueue((uid) => this.#reconcile(uid), context, WORKERS);
  }

  start(): void {
    for (const resource of this.#resources) {
      this.#context.informer(resource).onChange((now, before) => {
        if (now) {
          const { uid = "", ownerReferences = [], deletionTimestamp } = now.metadata;
          const affected = this.#graph.set({ resource, object: now });
          if (ownerReferences.length > 0 || deletionTimestamp !== undefined) this.#queue.add(uid);
          for (const other of affected) this.#queue.add(other);
        } else if (before) {
          for (const other of this.#graph.delete(before)) this.#queue.add(other);
        }
      });
    }
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  async #reconcile(uid: string): Promise<void> {
    const known = this.#graph.get(uid);
    if (!known) return;
    const { deletionTimestamp, finalizers = [] } = known.object.metadata;
    try {
      if (deletionTimestamp === undefined) await this.#collect(known);
      else if (finalizers.includes(FOREGROUND)) await this.#deleteDependents(known);
      else if (finalizers.includes(ORPHAN)) await this.#orphanDependents(known);
    } catch (error) {
      // Gone, or changed since it was judged: its informer will say so, and it is judged anew.
      if (!isApiError(error, "NotFound", "Conflict")) throw error;
    }
  }

  /** Deletes an object whose owners are all gone; drops references to those of several that are. */
  async #collect(known: Known): Promise<void> {
    const { resource, object } = known;
    const states = new Map<OwnerReference, OwnerState>();
    for (const owner of object.metadata.ownerReferences ?? []) {
      states.set(owner, await this.#stateOf(owner, object.metadata.namespace));
    }
    const { uid = "", resourceVersion } = object.metadata;
    const dependents = this.#graph.dependentsOf(uid).map((one) => one.object);
    const stateOf = (owner: OwnerReference): OwnerState => states.get(owner) ?? "solid";
    const action = planCollection({ object, stateOf, dependents });
    switch (action.kind) {
      case "keep":
        return;
      case "set-owners":
        return this.#setOwners(known, action.owners);
      case "delete":
        // Its new version comes back by the informer, and is then deleted.
        if (action.unblocked && blocksAny(known)) return this.#setOwners(known, action.unblocked);
        await this.#context.client.delete(resource, keyOf(object), {
          propagationPolicy: action.policy,
          preconditions: { uid, resourceVersion },
        });
        return;
    }
  }

  async #stateOf(owner: OwnerReference, namespace: string | undefined): Promise<OwnerState> {
    const known = this.#graph.get(owner.uid);
    if (known) {
      // A namespaced owner owns within its namespace only.
      const elsewhere = known.resource.namespaced && known.object.metadata.namespace !== namespace;
      if (elsewhere) return namespace === undefined ? "solid" : "dangling";
      return isInForeground(known.object) ? "waiting" : "solid";
    }
    const resource = this.#resources.find(
      (one) => one.kind === owner.kind && apiVersionOf(one) === owner.apiVersion,
    );
    // A kind that is not served, or a place that it cannot have: nothing is known of it.
    if (!resource || (resource.namespaced && namespace === undefined)) return "solid";
    try {
      const key = resource.namespaced ? { namespace, name: owner.name } : { name: owner.name };
      const there = await this.#context.client.get(resource, key);
      if (there.metadata.uid !== owner.uid) return "dangling";
      return isInForeground(there) ? "waiting" : "solid";
    } catch (error) {
      if (isApiError(error, "NotFound")) return "dangling";
      throw error;
    }
  }

  async #deleteDependents({ resource, object }: Known): Promise<void> {
    const { uid = "" } = object.metadata;
    const waiting = this.#graph.dependentsOf(uid);
    for (const dependent of waiting) this.#queue.add(dependent.object.metadata.uid ?? "");
    if (waiting.some((dependent) => blocks(dependent.object, uid))) return;
    await this.#dropFinalizer({ resource, object }, FOREGROUND);
  }

  async #orphanDependents(known: Known): Promise<void> {
    const { uid = "" } = known.object.metadata;
    for (const dependent of this.#graph.dependentsOf(uid)) {
      const owners = dependent.object.metadata.ownerReferences ?? [];
      try {
        await this.#setOwners(
          dependent,
          owners.filter((owner) => owner.uid !== uid),
        );
      } catch (error) {
        if (!isApiError(error, "NotFound")) throw error; // Gone by itself. A Conflict must be retried.
      }
    }
    await this.#dropFinalizer(known, ORPHAN);
  }

  async #setOwners({ resource, object }: Known, owners: readonly OwnerReference[]): Promise<void> {
    const { uid, resourceVersion } = object.metadata;
    const patch = { metadata: { uid, resourceVersion, ownerReferences: owners } };
    await this.#context.client.patch(resource, keyOf(object), patch, { type: "merge" });
  }

  async #dropFinalizer({ resource, object }: Known, finalizer: string): Promise<void> {
    const { uid, resourceVersion, finalizers = [] } = object.metadata;
    const kept = finalizers.filter((one) => one !== finalizer);
    const patch = { metadata: { uid, resourceVersion, finalizers: kept } };
    await this.#context.client.patch(resource, keyOf(object), patch, { type: "merge" });
  }
}

function blocksAny({ object }: Known): boolean {
  return (object.metadata.ownerReferences ?? []).some(
    ({ blockOwnerDeletion }) => blockOwnerDeletion === true,
  );
}

/**
 * Deletes what nobody owns any more, and sees foreground and orphaning deletions through. Knows
 * every object of every resource by uid; an owner that seems to be gone is asked for once more
 * before anything is deleted for it.
 */
import { isApiError } from "../../api/api-status.js";
import type { OwnerReference } from "../../api/gen/meta-v1.js";
import { apiVersionOf, type KubeObject, keyOf, type Resource } from "../../api/resource.js";
import type { Controller, ControllerContext } from "../../controller/controller-context.js";
import { WorkQueue } from "../../controller/work-queue.js";

interface Known {
  readonly resource: Resource;
  readonly object: KubeObject;
}

const FOREGROUND = "foregroundDeletion";
const ORPHAN = "orphan";

export class GarbageCollector implements Controller {
  readonly name: string = "garbagecollector";
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #known = new Map<string, Known>();
  readonly #dependents = new Map<string, Set<string>>();
  readonly #resources: readonly Resource[];

  constructor(context: ControllerContext, resources: readonly Resource[]) {
    this.#context = context;
    // Events own nothing, are owned by nothing, and are many.
    this.#resources = resources.filter(({ resource }) => resource !== "events");
    for (const resource of this.#resources) context.informer(resource);
    this.#queue = new WorkQueue((uid) => this.#reconcile(uid), context);
  }

  start(): void {
    for (const resource of this.#resources) {
      this.#context.informer(resource).onChange((now, before) => {
        if (now) this.#learn({ resource, object: now });
        else if (before) this.#forget(before);
      });
    }
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  #learn(known: Known): void {
    const { uid = "", ownerReferences = [], deletionTimestamp } = known.object.metadata;
    this.#known.set(uid, known);
    for (const owner of ownerReferences) {
      const dependents = this.#dependents.get(owner.uid) ?? new Set();
      dependents.add(uid);
      this.#dependents.set(owner.uid, dependents);
    }
    if (ownerReferences.length > 0 || deletionTimestamp !== undefined) this.#queue.add(uid);
  }

  #forget({ metadata }: KubeObject): void {
    const { uid = "", ownerReferences = [] } = metadata;
    this.#known.delete(uid);
    for (const owner of ownerReferences) {
      this.#dependents.get(owner.uid)?.delete(uid);
      if (this.#known.has(owner.uid)) this.#queue.add(owner.uid); // It may wait for the last of them.
    }
    for (const dependent of this.#dependents.get(uid) ?? []) this.#queue.add(dependent);
    if (this.#dependents.get(uid)?.size === 0) this.#dependents.delete(uid);
  }

  async #reconcile(uid: string): Promise<void> {
    const known = this.#known.get(uid);
    if (!known) return;
    const { deletionTimestamp, finalizers = [] } = known.object.metadata;
    if (deletionTimestamp !== undefined) {
      if (finalizers.includes(FOREGROUND)) await this.#deleteDependents(known);
      else if (finalizers.includes(ORPHAN)) await this.#orphanDependents(known);
      return;
    }
    await this.#collect(known);
  }

  /** Deletes an object whose owners are all gone; drops references to those of several that are. */
  async #collect({ resource, object }: Known): Promise<void> {
    const owners = object.metadata.ownerReferences ?? [];
    if (owners.length === 0) return;
    const gone: OwnerReference[] = [];
    for (const owner of owners) {
      if (!(await this.#exists(owner, object.metadata.namespace))) gone.push(owner);
    }
    if (gone.length === 0) return;
    const { uid } = object.metadata;
    try {
      if (gone.length === owners.length) {
        await this.#context.client.delete(resource, keyOf(object), {
          propagationPolicy: "Background",
          preconditions: { uid },
        });
      } else {
        const ownerReferences = owners.filter((owner) => !gone.includes(owner));
        await this.#context.client.patch(
          resource,
          keyOf(object),
          { metadata: { uid, ownerReferences } },
          { type: "merge" },
        );
      }
    } catch (error) {
      if (!isApiError(error, "NotFound", "Conflict")) throw error;
    }
  }

  async #exists(owner: OwnerReference, namespace: string | undefined): Promise<boolean> {
    const known = this.#known.get(owner.uid);
    if (known) {
      // In a foreground deletion the owner waits for us to go first.
      const { deletionTimestamp, finalizers = [] } = known.object.metadata;
      return !(deletionTimestamp !== undefined && finalizers.includes(FOREGROUND));
    }
    const resource = this.#resources.find(
      (one) => one.kind === owner.kind && apiVersionOf(one) === owner.apiVersion,
    );
    if (!resource) return true; // A kind that is not served: nothing is known, so nothing is deleted.
    try {
      const key = resource.namespaced ? { namespace, name: owner.name } : { name: owner.name };
      return (await this.#context.client.get(resource, key)).metadata.uid === owner.uid;
    } catch (error) {
      if (isApiError(error, "NotFound")) return false;
      throw error;
    }
  }

  async #deleteDependents({ resource, object }: Known): Promise<void> {
    const { uid = "" } = object.metadata;
    const waiting = [...(this.#dependents.get(uid) ?? [])].flatMap(
      (dependent) => this.#known.get(dependent) ?? [],
    );
    for (const dependent of waiting) this.#queue.add(dependent.object.metadata.uid ?? "");
    const blocking = waiting.filter(({ object: one }) =>
      one.metadata.ownerReferences?.some(
        (owner) => owner.uid === uid && owner.blockOwnerDeletion === true,
      ),
    );
    if (blocking.length === 0) await this.#dropFinalizer(resource, object, FOREGROUND);
  }

  async #orphanDependents({ resource, object }: Known): Promise<void> {
    const { uid = "" } = object.metadata;
    for (const dependent of this.#dependents.get(uid) ?? []) {
      const known = this.#known.get(dependent);
      if (!known) continue;
      const { metadata } = known.object;
      const ownerReferences = (metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid);
      const patch = { metadata: { uid: metadata.uid, ownerReferences } };
      await this.#context.client.patch(known.resource, keyOf(known.object), patch, {
        type: "merge",
      });
    }
    await this.#dropFinalizer(resource, object, ORPHAN);
  }

  async #dropFinalizer(resource: Resource, object: KubeObject, finalizer: string): Promise<void> {
    const { uid, resourceVersion, finalizers = [] } = object.metadata;
    const patch = {
      metadata: { uid, resourceVersion, finalizers: finalizers.filter((one) => one !== finalizer) },
    };
    try {
      await this.#context.client.patch(resource, keyOf(object), patch, { type: "merge" });
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
    }
  }
}

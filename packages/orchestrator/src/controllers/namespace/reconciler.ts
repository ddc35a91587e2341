/**
 * Empties namespaces that are being deleted, then lets them go. Pods go first, and to their end
 * (KEP-5080): what guards them, as network policies do, must not go before they have. What is
 * still there is told in the namespace's conditions.
 */
import { errorText } from "@sagong/base";
import { isApiError } from "../../api/api-status.js";
import type { Namespace, NamespaceCondition } from "../../api/gen/core-v1.js";
import { equalTrees } from "../../api/patch/json-tree.js";
import { type KubeObject, keyOf, type Resource } from "../../api/resource.js";
import { NAMESPACES, PODS } from "../../api/resources.js";
import type { Controller, ControllerContext } from "../../controller/controller-context.js";
import { WorkQueue } from "../../controller/work-queue.js";
import { type Content, contentConditions } from "./conditions.js";

/** Content that is still going (pods in their grace period) is looked at again after so long. */
const AGAIN_MS = 1_000;
/** The one that this controller is the owner of. */
const FINALIZER = "kubernetes";

export class NamespaceController implements Controller {
  readonly name: string = "namespace";
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #namespaces;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#namespaces = context.informer(NAMESPACES);
    this.#queue = new WorkQueue((key) => this.#reconcile(key), context);
  }

  start(): void {
    this.#namespaces.onChange((now) => {
      if (now?.metadata.deletionTimestamp !== undefined) this.#queue.add(now.metadata.name ?? "");
    });
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  async #reconcile(name: string): Promise<void> {
    const namespace = this.#namespaces.get(name);
    if (namespace?.metadata.deletionTimestamp === undefined) return;
    if (!namespace.spec?.finalizers?.includes(FINALIZER)) return; // Ours is done; others remain.
    const { client } = this.#context;
    const content: Content = { left: [], failures: [] };
    await this.#empty(name, PODS, content);
    if (content.left.length === 0 && content.failures.length === 0) {
      for (const resource of await client.resources()) {
        if (resource.namespaced) await this.#empty(name, resource, content);
      }
    }
    await this.#tell(namespace, content);
    if (content.failures.length > 0) throw new Error(content.failures.join("; "));
    if (content.left.length > 0) return this.#queue.addAfter(name, AGAIN_MS);
    await this.#release(name);
  }

  async #release(name: string): Promise<void> {
    const { client } = this.#context;
    try {
      const fresh = await client.get(NAMESPACES, { name });
      const finalizers = (fresh.spec?.finalizers ?? []).filter((one) => one !== FINALIZER);
      await client.update(
        NAMESPACES,
        { ...fresh, spec: { ...fresh.spec, finalizers } },
        { subresource: "finalize" },
      );
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
    }
  }

  /** Asks everything of one resource to go; notes what is still there. One failure stops nothing. */
  async #empty(namespace: string, resource: Resource, content: Content): Promise<void> {
    const { client } = this.#context;
    try {
      const { items } = await client.list(resource, { namespace });
      for (const item of items) {
        if (item.metadata.deletionTimestamp === undefined) await this.#delete(resource, item);
      }
      if (items.length === 0) return;
      const left = await client.list(resource, { namespace });
      if (left.items.length > 0) content.left.push({ resource, items: left.items });
    } catch (error) {
      content.failures.push(`${resource.resource}: ${errorText(error)}`);
    }
  }

  async #delete(resource: Resource, item: KubeObject): Promise<void> {
    try {
      const { uid } = item.metadata;
      await this.#context.client.delete(resource, keyOf(item), {
        propagationPolicy: "Background",
        preconditions: { uid },
      });
    } catch (error) {
      if (!isApiError(error, "NotFound", "Conflict")) throw error;
    }
  }

  async #tell(namespace: Namespace, content: Content): Promise<void> {
    const nowMs = this.#context.clock.wallMs();
    const before = namespace.status?.conditions ?? [];
    const conditions: readonly NamespaceCondition[] = contentConditions(before, content, nowMs);
    if (equalTrees(before, conditions)) return;
    const { name = "", uid } = namespace.metadata;
    try {
      const patch = { metadata: { uid }, status: { conditions } };
      await this.#context.client.patch(NAMESPACES, { name }, patch, {
        type: "merge",
        subresource: "status",
      });
    } catch (error) {
      if (!isApiError(error, "NotFound", "Conflict")) throw error;
    }
  }
}

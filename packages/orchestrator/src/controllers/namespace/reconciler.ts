/** Empties namespaces that are being deleted, pods first, then lets them go. */
import { isApiError } from "../../api/api-status.js";
import { keyOf } from "../../api/resource.js";
import { NAMESPACES, PODS } from "../../api/resources.js";
import type { Controller, ControllerContext } from "../../controller/controller-context.js";
import { WorkQueue } from "../../controller/work-queue.js";

/** Content that is still going (pods in their grace period) is looked at again after so long. */
const AGAIN_MS = 1_000;

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
    const { client } = this.#context;
    if ((await this.#empty(name, PODS)) > 0) return this.#queue.addAfter(name, AGAIN_MS);
    let left = 0;
    for (const resource of await client.resources()) {
      if (resource.namespaced) left += await this.#empty(name, resource);
    }
    if (left > 0) return this.#queue.addAfter(name, AGAIN_MS);
    const fresh = await client.get(NAMESPACES, { name });
    await client.update(
      NAMESPACES,
      { ...fresh, spec: { ...fresh.spec, finalizers: [] } },
      { subresource: "finalize" },
    );
  }

  /** Asks everything of one resource to go; returns how much was still there. */
  async #empty(
    namespace: string,
    resource: Parameters<ControllerContext["client"]["list"]>[0],
  ): Promise<number> {
    const { client } = this.#context;
    const { items } = await client.list(resource, { namespace });
    for (const item of items) {
      if (item.metadata.deletionTimestamp !== undefined) continue;
      try {
        await client.delete(resource, keyOf(item), { propagationPolicy: "Background" });
      } catch (error) {
        if (!isApiError(error, "NotFound")) throw error;
      }
    }
    return items.length;
  }
}

/** Every namespace has a service account `default`. */
import { isApiError } from "../../api/api-status.js";
import { NAMESPACES, SERVICE_ACCOUNTS } from "../../api/resources.js";
import type { Controller, ControllerContext } from "../../controller/controller-context.js";
import { WorkQueue } from "../../controller/work-queue.js";

export class ServiceAccountController implements Controller {
  readonly name: string = "serviceaccount";
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #namespaces;
  readonly #accounts;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#namespaces = context.informer(NAMESPACES);
    this.#accounts = context.informer(SERVICE_ACCOUNTS);
    this.#queue = new WorkQueue((key) => this.#reconcile(key), context);
  }

  start(): void {
    this.#namespaces.onChange((now) => now && this.#queue.add(now.metadata.name ?? ""));
    this.#accounts.onChange((now, before) => {
      if (!now && before?.metadata.name === "default")
        this.#queue.add(before.metadata.namespace ?? "");
    });
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  async #reconcile(namespace: string): Promise<void> {
    const there = this.#namespaces.get(namespace);
    if (
      !there ||
      there.metadata.deletionTimestamp !== undefined ||
      this.#accounts.get(`${namespace}/default`)
    )
      return;
    try {
      await this.#context.client.create(SERVICE_ACCOUNTS, {
        metadata: { name: "default", namespace },
      });
    } catch (error) {
      if (!isApiError(error, "AlreadyExists", "NotFound")) throw error;
    }
  }
}

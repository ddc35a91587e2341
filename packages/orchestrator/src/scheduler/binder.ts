/** Tells the API server which node a pod got (kube-scheduler's DefaultBinder). */
import { type Clock, errorText } from "@sagong/base";
import { isApiError } from "../api/api-status.js";
import type { Binding, Pod } from "../api/gen/core-v1.js";
import { keyOf } from "../api/resource.js";
import { PODS } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";

export type BindOutcome =
  | { readonly kind: "bound" }
  /** The pod is no more. */
  | { readonly kind: "gone" }
  /** Refused, or not known: then the informer will tell. */
  | { readonly kind: "failed"; readonly message: string };

export interface BinderDependencies {
  readonly client: ObjectClient;
  readonly clock: Clock;
}

/** An answer that is later than this will not come. */
const BIND_TIMEOUT_MS = 30_000;
/** What a closing scheduler grants to bindings under way. */
const CLOSE_GRACE_MS = 2_000;

export class Binder {
  readonly #dependencies: BinderDependencies;
  readonly #underWay = new Map<AbortController, Promise<BindOutcome>>();

  constructor(dependencies: BinderDependencies) {
    this.#dependencies = dependencies;
  }

  get count(): number {
    return this.#underWay.size;
  }

  /** Resolves when one of those under way has ended; at once where none is. */
  async oneEnded(): Promise<void> {
    if (this.#underWay.size > 0) await Promise.race(this.#underWay.values());
  }

  bind(pod: Pod, nodeName: string): Promise<BindOutcome> {
    const abort = new AbortController();
    const outcome = this.#bind(pod, nodeName, abort).finally(() => this.#underWay.delete(abort));
    this.#underWay.set(abort, outcome);
    return outcome;
  }

  /** No binding is under way when it resolves. */
  async close(): Promise<void> {
    const timer = this.#dependencies.clock.schedule(CLOSE_GRACE_MS, () => {
      for (const abort of this.#underWay.keys()) abort.abort(new Error("the scheduler is closing"));
    });
    await Promise.all(this.#underWay.values());
    timer.cancel();
  }

  async #bind(pod: Pod, nodeName: string, abort: AbortController): Promise<BindOutcome> {
    const { client, clock } = this.#dependencies;
    const { name, namespace, uid } = pod.metadata;
    const binding: Binding = {
      metadata: { name, namespace, uid },
      target: { kind: "Node", name: nodeName },
    };
    const timer = clock.schedule(BIND_TIMEOUT_MS, () => {
      abort.abort(new Error(`no answer within ${BIND_TIMEOUT_MS} ms`));
    });
    try {
      const { signal } = abort;
      await client.createSubresource(PODS, keyOf(pod), "binding", binding, { signal });
      return { kind: "bound" };
    } catch (error) {
      if (isApiError(error, "NotFound")) return { kind: "gone" };
      return { kind: "failed", message: errorText(error) };
    } finally {
      timer.cancel();
    }
  }
}

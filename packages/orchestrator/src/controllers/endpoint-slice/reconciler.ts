/** Keeps each service's EndpointSlices, and the older Endpoints object beside them. */
import { isApiError } from "../../api/api-status.js";
import type { Pod, Service } from "../../api/gen/core-v1.js";
import type { EndpointSlice } from "../../api/gen/discovery-v1.js";
import { equalTrees } from "../../api/patch/json-tree.js";
import { type KubeObject, keyOf, keyText, type Resource } from "../../api/resource.js";
import { ENDPOINT_SLICES, ENDPOINTS, PODS, SERVICES } from "../../api/resources.js";
import type { Controller, ControllerContext } from "../../controller/controller-context.js";
import { WorkQueue } from "../../controller/work-queue.js";
import { ENDPOINTS_MANAGED_BY, ENDPOINTS_MANAGED_BY_LABEL, planEndpoints } from "./endpoints.js";
import { MANAGED_BY, MANAGED_BY_LABEL, planEndpointSlices, SERVICE_LABEL } from "./plan.js";

export class EndpointSliceController implements Controller {
  readonly name: string = "endpointslice";
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #services;
  readonly #pods;
  readonly #slices;
  readonly #endpoints;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#services = context.informer(SERVICES);
    this.#pods = context.informer(PODS);
    this.#slices = context.informer(ENDPOINT_SLICES);
    this.#endpoints = context.informer(ENDPOINTS);
    this.#queue = new WorkQueue((key) => this.#reconcile(key), context);
  }

  start(): void {
    this.#services.onChange((now, before) => this.#enqueue(now ?? before));
    this.#slices.onChange((now, before) => {
      const object = now ?? before;
      const name = object?.metadata.labels?.[SERVICE_LABEL];
      if (name) this.#queue.add(keyText({ namespace: object.metadata.namespace, name }));
    });
    this.#endpoints.onChange((now, before) => this.#enqueue(now ?? before));
    this.#pods.onChange((now, before) => {
      for (const pod of [now, before]) if (pod) this.#enqueueServicesOf(pod);
    });
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  /** A service, or what bears its name. */
  #enqueue(object: KubeObject | undefined): void {
    if (object) this.#queue.add(keyText(keyOf(object)));
  }

  #enqueueServicesOf({ metadata }: Pod): void {
    for (const service of this.#services.list()) {
      const selector = Object.entries(service.spec?.selector ?? {});
      const same = service.metadata.namespace === metadata.namespace;
      if (
        same &&
        selector.length > 0 &&
        selector.every(([key, value]) => metadata.labels?.[key] === value)
      )
        this.#enqueue(service);
    }
  }

  async #reconcile(key: string): Promise<void> {
    const service = this.#services.get(key);
    // Slices are owned, and the garbage collector's; Endpoints have no owner.
    if (!service) return this.#dropEndpoints(key);
    const { namespace } = service.metadata;
    const pods = this.#pods.list().filter(({ metadata }) => metadata.namespace === namespace);
    const wanted = planEndpointSlices(service, pods);
    if (!wanted) return;
    await this.#keepSlices(service, wanted);
    await this.#keepEndpoints(service, wanted);
  }

  async #keepSlices(service: Service, wanted: readonly EndpointSlice[]): Promise<void> {
    const { namespace, name = "" } = service.metadata;
    const there = this.#slices.list().filter(
      ({ metadata }) =>
        metadata.namespace === namespace &&
        metadata.labels?.[SERVICE_LABEL] === name &&
        metadata.labels[MANAGED_BY_LABEL] === MANAGED_BY, // Those of others are theirs.
    );
    for (const slice of wanted) {
      const old = there.find(({ metadata }) => metadata.name === slice.metadata.name);
      if (!old) await this.#ensure(ENDPOINT_SLICES, slice);
      else if (!equalTrees(partsOf(old), partsOf(slice))) {
        const metadata = { ...old.metadata, ...slice.metadata };
        await this.#context.client.update(ENDPOINT_SLICES, { ...slice, metadata });
      }
    }
    for (const old of there) {
      if (wanted.some(({ metadata }) => metadata.name === old.metadata.name)) continue;
      await this.#delete(ENDPOINT_SLICES, old);
    }
  }

  async #keepEndpoints(service: Service, slices: readonly EndpointSlice[]): Promise<void> {
    const wanted = planEndpoints(service, slices);
    const old = this.#endpoints.get(keyText(keyOf(service)));
    if (!old) return this.#ensure(ENDPOINTS, wanted);
    const { labels } = wanted.metadata;
    if (equalTrees([old.subsets, old.metadata.labels], [wanted.subsets, labels])) return;
    const metadata = { ...old.metadata, labels };
    await this.#context.client.update(ENDPOINTS, { ...wanted, metadata });
  }

  async #dropEndpoints(key: string): Promise<void> {
    const old = this.#endpoints.get(key);
    const manager = old?.metadata.labels?.[ENDPOINTS_MANAGED_BY_LABEL];
    if (old && manager === ENDPOINTS_MANAGED_BY) await this.#delete(ENDPOINTS, old);
  }

  async #ensure<T extends KubeObject>(resource: Resource<T>, object: T): Promise<void> {
    try {
      await this.#context.client.create(resource, object);
    } catch (error) {
      if (!isApiError(error, "AlreadyExists")) throw error; // The informer is only late.
    }
  }

  async #delete<T extends KubeObject>(resource: Resource<T>, object: T): Promise<void> {
    const { uid } = object.metadata;
    try {
      await this.#context.client.delete(resource, keyOf(object), { preconditions: { uid } });
    } catch (error) {
      if (!isApiError(error, "NotFound", "Conflict")) throw error; // Gone, or made anew by now.
    }
  }
}

function partsOf({ endpoints, ports, metadata }: EndpointSlice): unknown {
  return [endpoints, ports, metadata.labels];
}

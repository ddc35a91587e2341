/** Keeps each service's EndpointSlices, and the older Endpoints object beside them. */
import { isApiError } from "../../api/api-status.js";
import type { Endpoints, Pod, Service } from "../../api/gen/core-v1.js";
import type { EndpointSlice } from "../../api/gen/discovery-v1.js";
import { equalTrees } from "../../api/patch/json-tree.js";
import { keyOf, keyText } from "../../api/resource.js";
import { ENDPOINT_SLICES, ENDPOINTS, PODS, SERVICES } from "../../api/resources.js";
import type { Controller, ControllerContext } from "../../controller/controller-context.js";
import { WorkQueue } from "../../controller/work-queue.js";
import { planEndpointSlices } from "./plan.js";

const SERVICE_LABEL = "kubernetes.io/service-name";

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
    this.#pods.onChange((now, before) => {
      for (const pod of [now, before]) if (pod) this.#enqueueServicesOf(pod);
    });
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  #enqueue(service: Service | undefined): void {
    if (service) this.#queue.add(keyText(keyOf(service)));
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
    if (!service) return; // What it owned is the garbage collector's.
    const { namespace, name = "" } = service.metadata;
    const pods = this.#pods.list().filter((pod) => pod.metadata.namespace === namespace);
    const wanted = planEndpointSlices(service, pods);
    const there = this.#slices
      .list()
      .filter(
        ({ metadata }) =>
          metadata.namespace === namespace && metadata.labels?.[SERVICE_LABEL] === name,
      );
    for (const slice of wanted) {
      const old = there.find(({ metadata }) => metadata.name === slice.metadata.name);
      if (!old) await this.#ensure(slice);
      else if (!equalTrees([old.endpoints, old.ports], [slice.endpoints, slice.ports])) {
        const metadata = { ...old.metadata, ...slice.metadata };
        await this.#context.client.update(ENDPOINT_SLICES, { ...slice, metadata });
      }
    }
    for (const old of there) {
      if (wanted.some(({ metadata }) => metadata.name === old.metadata.name)) continue;
      await this.#context.client.delete(ENDPOINT_SLICES, keyOf(old));
    }
    if (wanted.length > 0) await this.#keepEndpoints(service, wanted);
  }

  async #ensure(slice: EndpointSlice): Promise<void> {
    try {
      await this.#context.client.create(ENDPOINT_SLICES, slice);
    } catch (error) {
      if (!isApiError(error, "AlreadyExists")) throw error; // The informer is only late.
    }
  }

  async #keepEndpoints(service: Service, slices: readonly EndpointSlice[]): Promise<void> {
    const { name = "", namespace, labels } = service.metadata;
    const subsets = slices
      .filter(({ endpoints }) => endpoints.length > 0)
      .map(({ endpoints, ports }) => {
        const addresses = (ready: boolean) =>
          endpoints
            .filter(({ conditions }) => conditions?.ready === ready && !conditions.terminating)
            .map((one) => ({
              ip: one.addresses[0] ?? "",
              nodeName: one.nodeName,
              targetRef: one.targetRef,
            }));
        const [up, down] = [addresses(true), addresses(false)];
        return {
          ...(up.length > 0 ? { addresses: up } : {}),
          ...(down.length > 0 ? { notReadyAddresses: down } : {}),
          ports: (ports ?? []).map((port) => ({
            name: port.name,
            port: port.port ?? 0,
            protocol: port.protocol,
          })),
        };
      });
    const wanted: Endpoints = {
      metadata: { name, namespace, labels },
      ...(subsets.length > 0 ? { subsets } : {}),
    };
    const old = this.#endpoints.get(keyText({ namespace, name }));
    if (old && equalTrees(old.subsets, wanted.subsets)) return;
    if (old)
      await this.#context.client.update(ENDPOINTS, {
        ...wanted,
        metadata: { ...old.metadata, labels },
      });
    else {
      try {
        await this.#context.client.create(ENDPOINTS, wanted);
      } catch (error) {
        if (!isApiError(error, "AlreadyExists")) throw error; // The informer is only late.
      }
    }
  }
}

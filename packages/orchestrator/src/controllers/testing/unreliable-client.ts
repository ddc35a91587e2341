/** A client whose watches can be held back, and whose writes can be done without an answer. */
import { ApiError } from "../../api/api-status.js";
import type { KubeObject, Resource, WatchEvent } from "../../api/resource.js";
import type { ObjectClient, WatchOptions } from "../../client/object-client.js";

export interface UnreliableClient extends ObjectClient {
  /** Watches of it show nothing any more, until `release`. */
  hold(resource: Resource): void;
  release(): void;
  /** The next such write is done, and its answer is lost. */
  loseAnswer(verb: Verb, resource: Resource): void;
}

type Verb = "create" | "patch" | "delete";

export function unreliable(client: ObjectClient): UnreliableClient {
  const held = new Set<string>();
  const waiting = new Set<() => void>();
  const losing = new Set<string>();
  const write = async <T>(verb: Verb, { resource }: Resource, done: Promise<T>): Promise<T> => {
    const value = await done;
    if (losing.delete(`${verb} ${resource}`)) throw new ApiError("Timeout", "no answer");
    return value;
  };
  async function* watch<T extends KubeObject>(
    resource: Resource<T>,
    options?: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>> {
    for await (const event of client.watch(resource, options)) {
      while (held.has(resource.resource) && !options?.signal?.aborted) {
        await new Promise<void>((resolve) => {
          waiting.add(resolve);
          options?.signal?.addEventListener("abort", () => resolve());
        });
      }
      yield event;
    }
  }
  return {
    hold: ({ resource }) => void held.add(resource),
    release: () => {
      held.clear();
      for (const wake of waiting) wake();
      waiting.clear();
    },
    loseAnswer: (verb, { resource }) => void losing.add(`${verb} ${resource}`),
    get: (resource, key, options) => client.get(resource, key, options),
    list: (resource, options) => client.list(resource, options),
    watch,
    create: (resource, object, options) =>
      write("create", resource, client.create(resource, object, options)),
    update: (resource, object, options) => client.update(resource, object, options),
    patch: (resource, key, patch, options) =>
      write("patch", resource, client.patch(resource, key, patch, options)),
    delete: (resource, key, options) =>
      write("delete", resource, client.delete(resource, key, options)),
    createSubresource: (resource, key, subresource, body, options) =>
      client.createSubresource(resource, key, subresource, body, options),
    resources: (options) => client.resources(options),
    close: () => client.close(),
  };
}

/** Objects that the tests of `ObjectClient`s use, and how they read answers. */
import { expect } from "vitest";
import { ApiError, type StatusReason } from "../../api/api-status.js";
import type { Deployment } from "../../api/gen/apps-v1.js";
import type { ConfigMap, Pod } from "../../api/gen/core-v1.js";
import type { KubeObject, Resource, WatchEvent } from "../../api/resource.js";
import type { ObjectClient, WatchOptions } from "../../client/object-client.js";

/** Defines a test that gets the client and a namespace of its own. */
export type DefineTest = (
  title: string,
  body: (client: ObjectClient, namespace: string) => Promise<void>,
) => void;

export interface Followed<T extends KubeObject> {
  /** Rejects with what the watch throws, or where it has ended. */
  next(): Promise<WatchEvent<T>>;
  /** Everything up to the end. */
  rest(): Promise<WatchEvent<T>[]>;
  end(): Promise<void>;
}

export function follow<T extends KubeObject>(
  client: ObjectClient,
  resource: Resource<T>,
  options: WatchOptions,
): Followed<T> {
  const abort = new AbortController();
  const signal = options.signal ?? abort.signal;
  const watch = { allowWatchBookmarks: options.sendInitialEvents, ...options, signal };
  const events = client.watch(resource, watch)[Symbol.asyncIterator]();
  return {
    next: async () => {
      const { done, value } = await events.next();
      if (done) throw new Error("the watch has ended");
      return value;
    },
    rest: async () => {
      const rest: WatchEvent<T>[] = [];
      for (let next = await events.next(); !next.done; next = await events.next())
        rest.push(next.value);
      return rest;
    },
    end: async () => {
      abort.abort(new Error("the test is over"));
      await events.return?.();
    },
  };
}

/** The refusal; fails where the call is not refused, or for another reason. */
export async function refusal(call: Promise<unknown>, reason: StatusReason): Promise<ApiError> {
  const outcome: unknown = await call.then(
    () => `the call succeeded, expected ${reason}`,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(ApiError);
  const refused = outcome as ApiError; // Checked in the line above.
  expect(refused.reason).toBe(reason);
  return refused;
}

export function configMap(namespace: string, name: string, data?: ConfigMap["data"]): ConfigMap {
  return { metadata: { namespace, name }, data };
}

export function podOf(
  namespace: string,
  name: string,
  labels?: Readonly<Record<string, string>>,
): Pod {
  return { metadata: { namespace, name, labels }, spec: { containers: [MAIN] } };
}

const MAIN = { name: "main", image: "a" };

export function deployment(namespace: string, name: string): Deployment {
  const labels = { app: name };
  return {
    metadata: { namespace, name },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [MAIN] } },
    },
  };
}

export function specOf({ spec }: Deployment): NonNullable<Deployment["spec"]> {
  if (!spec) throw new Error("The deployment has no spec");
  return spec;
}

export function versionOf({ metadata }: KubeObject): number {
  return Number(metadata.resourceVersion);
}

export function namesOf({ items }: { readonly items: readonly KubeObject[] }): string[] {
  return items.map(({ metadata }) => metadata.name ?? "");
}

export function textOf({ type, object }: WatchEvent): string {
  return `${type} ${object.metadata.name}`;
}

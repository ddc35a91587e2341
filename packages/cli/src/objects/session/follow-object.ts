/** One object through time: what commands that wait (rollout status, wait, delete) look at. */
import { delay } from "@sagong/base";
import { isApiError, type KubeObject, type ObjectKey } from "@sagong/orchestrator/api";
import type { ServerResource } from "./discovery.js";
import type { Session } from "./session.js";

/** Between two watches, so that a server that ends them at once is not asked without a pause. */
const PAUSE_MS = 200;

/**
 * The object as it is, then at every change; undefined where there is none. Never ends by itself:
 * a watch that ends, breaks or is too old is begun again from the present state. Rejects when
 * `signal` is aborted, and when the state cannot be read.
 */
export async function* followObject(
  { calls, clock }: Pick<Session, "calls" | "clock">,
  resource: ServerResource,
  { signal, ...key }: ObjectKey & { readonly signal: AbortSignal },
): AsyncGenerator<KubeObject | undefined> {
  const one = { namespace: key.namespace, fieldSelector: `metadata.name=${key.name}`, signal };
  for (;;) {
    const { items, metadata } = await calls.list(resource, one);
    yield items[0];
    try {
      const { resourceVersion } = metadata;
      for await (const event of calls.watch(resource, { ...one, resourceVersion })) {
        if (event.type === "DELETED") yield undefined;
        else if (event.type !== "BOOKMARK") yield event.object;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (isApiError(error) && !isApiError(error, "Expired", "Gone")) throw error;
    }
    await delay(clock, PAUSE_MS, signal);
  }
}

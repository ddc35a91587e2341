/**
 * A watch: the registry's events as lines of JSON, in the form that the client accepts. A client
 * that does not read holds up its own watch only, and not for long.
 */
import { type Clock, encodeUtf8, errorText } from "@sagong/base";
import type { HttpResponse } from "@sagong/rpc";
import { ApiError, invalidOptions, isApiError } from "../api/api-status.js";
import { partialMetadata, tableOf } from "../api/printing/tables.js";
import { Faults } from "../api/validation/faults.js";
import type { RegistryEvent, WatchQuery } from "../registry/watch-objects.js";
import { formOf, tableOptions } from "./answer.js";
import { listQuery, type ResourceCall, wholeNumber } from "./call.js";
import { sendText } from "./http-exchange.js";
import type { AcceptedForm } from "./media-types.js";
import { isTrue } from "./request-info.js";

/** `INITIAL_EVENTS_END` of clients. */
const INITIAL_END = { "k8s.io/initial-events-end": "true" };
/** A client that takes nothing for so long is cut off, as it is at the end of the watch's time. */
const MAX_STALL_MS = 60_000;
/** Events are put together up to this size while they are ready, and sent as one write. */
const MAX_WRITE_CHARACTERS = 64 * 1024;

export async function handleWatch(call: ResourceCall): Promise<void> {
  const { response } = call;
  const parameters = call.url.searchParams;
  const abort = new AbortController();
  const stop = (): void => abort.abort(new Error("the watch ended"));
  if (call.signal.aborted) stop();
  call.signal.addEventListener("abort", stop);
  const query: WatchQuery = {
    ...listQuery(call),
    sendInitialEvents: parameters.has("sendInitialEvents")
      ? isTrue(parameters.get("sendInitialEvents"))
      : undefined,
    allowWatchBookmarks: isTrue(parameters.get("allowWatchBookmarks")),
    timeoutSeconds: wholeNumber(call.url, "timeoutSeconds") || undefined,
    signal: abort.signal,
  };
  checkOptions(parameters.get("resourceVersionMatch") ?? "", query);
  const form = formOf(call);
  const events = call.server.registry.watch(call.resource, query);
  const lines = new LineWriter(call, query);
  try {
    for (;;) {
      const next = events.next();
      const ready = await Promise.race([next, immediate()]);
      // Faults of the request itself are thrown before the first line: they are answered as such.
      if (ready === undefined) await lines.flush();
      const result = await next;
      if (result.done) break;
      await lines.add(
        JSON.stringify({ type: result.value.type, object: shown(call, form, result.value) }),
      );
    }
    await lines.flush();
  } catch (error) {
    if (!lines.hasBegun) throw error;
    const known = isApiError(error) ? error : new ApiError("InternalError", errorText(error));
    await lines.add(JSON.stringify({ type: "ERROR", object: known.toStatus() }));
    await lines.flush();
  } finally {
    call.signal.removeEventListener("abort", stop);
    stop();
    await events.return(undefined);
    if (lines.hasBegun) lines.end();
  }
  if (!lines.hasBegun) sendText(response, { code: 200, body: "" });
}

/** As apimachinery validates ListOptions of a watch. Throws `ApiError` Invalid. */
function checkOptions(match: string, { sendInitialEvents }: WatchQuery): void {
  const faults = new Faults();
  const forbidden = (why: string): void => faults.forbidden("resourceVersionMatch", why);
  if (sendInitialEvents !== undefined && match !== "NotOlderThan")
    forbidden("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  if (match !== "" && sendInitialEvents === undefined)
    forbidden("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
  if (match !== "" && match !== "NotOlderThan")
    faults.notSupported("resourceVersionMatch", match, ["NotOlderThan"]);
  if (faults.causes.length > 0) throw invalidOptions("ListOptions", faults.causes);
}

/** Lines gathered while more are ready; waits for a slow client, but not longer than the watch. */
class LineWriter {
  readonly #response: HttpResponse;
  readonly #signal: AbortSignal;
  readonly #clock: Clock;
  /** The watch's own time where that is shorter: its registry does not see that a client stalls. */
  readonly #stallMs: number;
  #pending = "";
  hasBegun = false;

  constructor(
    { response, server }: ResourceCall,
    { signal, timeoutSeconds = Infinity }: WatchQuery,
  ) {
    this.#clock = server.clock;
    this.#stallMs = Math.min(MAX_STALL_MS, timeoutSeconds * 1_000);
    this.#response = response;
    this.#signal = signal;
  }

  async add(line: string): Promise<void> {
    this.#pending += `${line}\n`;
    if (this.#pending.length > MAX_WRITE_CHARACTERS) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#response.writableEnded) return;
    if (!this.hasBegun) {
      this.hasBegun = true;
      this.#response.setHeader("content-type", "application/json");
      this.#response.statusCode = 200;
      this.#response.flushHeaders();
    }
    if (this.#pending === "") return;
    const text = this.#pending;
    this.#pending = "";
    if (this.#response.write(encodeUtf8(text)) || this.#signal.aborted) return;
    await this.#drained();
  }

  /** Nothing of it stays behind: a long watch waits many times. */
  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        stall.cancel();
        this.#signal.removeEventListener("abort", done);
        resolve();
      };
      const stall = this.#clock.schedule(this.#stallMs, () => {
        this.#response.destroy();
        done();
      });
      void this.#response.drained().then(done);
      this.#signal.addEventListener("abort", done);
    });
  }

  end(): void {
    // What a client has not read by the end of the watch, it has given up.
    if (this.#response.writableNeedDrain) this.#response.destroy();
    else this.#response.end();
  }
}

function shown(
  call: ResourceCall,
  form: AcceptedForm,
  { type, object, initialEnd }: RegistryEvent,
): unknown {
  if (form.as === "Table") {
    const { resourceVersion } = object.metadata;
    const options = tableOptions(call, form, { resourceVersion });
    if (type !== "BOOKMARK") return tableOf([object], options);
    // A bookmark has no cells: its row carries the version, and the annotation.
    const bookmark = partialMetadata(initialEnd ? withInitialEnd(object) : object, form.version);
    return { ...tableOf([], options), rows: [{ cells: [], object: bookmark }] };
  }
  const annotated = initialEnd ? withInitialEnd(object) : object;
  return form.as?.startsWith("PartialObjectMetadata")
    ? partialMetadata(annotated, form.version)
    : annotated;
}

function withInitialEnd(object: RegistryEvent["object"]): RegistryEvent["object"] {
  return { ...object, metadata: { ...object.metadata, annotations: INITIAL_END } };
}

/** Resolves with nothing once everything that is ready now has been seen. */
function immediate(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(() => resolve(undefined)));
}

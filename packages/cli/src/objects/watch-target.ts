/** `sagong get --watch`: what is there, then every change, until Ctrl-C. */
import { delay } from "@sagong/base";
import { isApiError, type KubeObject } from "@sagong/orchestrator/api";
import type { OutputFormat } from "./output/output-format.js";
import { printObjects } from "./output/print-objects.js";
import { StreamedTable, tableLines, type TableView } from "./output/table-text.js";
import type { ListCall, RawEvent, Table } from "./session/api-calls.js";
import type { ServerResource } from "./session/discovery.js";
import type { Session } from "./session/session.js";

export interface WatchView {
  readonly selection: ListCall;
  readonly format: OutputFormat;
  readonly includeInitial: boolean;
  readonly showManagedFields: boolean;
  readonly view: Omit<TableView, "wide">;
}

interface WatchedTarget {
  readonly resource: ServerResource;
  readonly name?: string;
}

/** Between two watches, so that a server that ends them at once is not asked without a pause. */
const PAUSE_MS = 200;

/** Rejects when interrupted, and when the server refuses. A watch that just ends is resumed. */
export async function watchTarget(
  session: Session,
  target: WatchedTarget,
  options: WatchView,
): Promise<void> {
  const { resource, name } = target;
  // A missing object is an error now; its list would only be empty.
  if (name !== undefined) {
    await session.calls.get(resource, { namespace: options.selection.namespace, name });
  }
  const fieldSelector =
    name === undefined ? options.selection.fieldSelector : `metadata.name=${name}`;
  const selection = { ...options.selection, fieldSelector };
  const { format } = options;
  await (format.kind === "table"
    ? watchTables(session, resource, { ...options, selection, wide: format.wide })
    : watchObjects(session, resource, { ...options, selection, format }));
}

async function watchTables(
  session: Session,
  resource: ServerResource,
  options: WatchView & { readonly wide: boolean },
): Promise<void> {
  const { calls, io } = session;
  const printer = new StreamedTable();
  let columns: Table["columnDefinitions"] = [];
  let headers = options.view.headers;
  const show = (table: Table): void => {
    // Only the first table of a stream names its columns.
    if (table.columnDefinitions?.length > 0) columns = table.columnDefinitions;
    const rows = table.rows ?? [];
    if (rows.length === 0) return;
    io.out(
      printer.addAll(tableLines(columns, rows, { ...options.view, headers, wide: options.wide })),
    );
    headers = false;
  };
  const list = async (since: string | undefined): Promise<string | undefined> => {
    let version: string | undefined;
    for await (const table of calls.tables(resource, options.selection)) {
      columns = table.columnDefinitions;
      version = table.metadata?.resourceVersion ?? version;
      const rows = table.rows.filter(({ object }) => isNewer(object, since));
      if (since !== undefined || options.includeInitial) show({ ...table, rows });
    }
    return version;
  };
  await resumed<Table>(session, {
    list,
    open: (resourceVersion) =>
      calls.watchTables(resource, { ...options.selection, resourceVersion }),
    versionOf: versionOfTable,
    show,
  });
}

async function watchObjects(
  session: Session,
  resource: ServerResource,
  options: WatchView & { readonly format: Exclude<OutputFormat, { readonly kind: "table" }> },
): Promise<void> {
  const { calls, io } = session;
  const { format, showManagedFields } = options;
  let isFirst = true;
  const show = (object: KubeObject): void => {
    if (!isFirst && format.kind === "yaml") io.out("---\n");
    const noHeaders = !isFirst || !options.view.headers;
    isFirst = false;
    const printing = { format, isSingle: true, showManagedFields, noHeaders };
    io.out(printObjects([{ resource, object }], printing));
    if (format.kind === "jsonpath") io.out("\n");
  };
  const list = async (since: string | undefined): Promise<string | undefined> => {
    const { items, metadata } = await calls.list(resource, options.selection);
    if (since !== undefined || options.includeInitial) {
      for (const object of items.filter((one) => isNewer(one, since))) show(object);
    }
    return metadata.resourceVersion;
  };
  await resumed<KubeObject>(session, {
    list,
    open: (resourceVersion) => calls.watch(resource, { ...options.selection, resourceVersion }),
    versionOf: (object) => object.metadata.resourceVersion,
    show,
  });
}

interface Stream<T> {
  /** Shows what has changed since that version, or all; resolves with the list's own version. */
  readonly list: (since: string | undefined) => Promise<string | undefined>;
  readonly open: (version: string | undefined) => AsyncIterable<RawEvent<T>>;
  readonly versionOf: (object: T) => string | undefined;
  readonly show: (object: T) => void;
}

/** Connections in a row that fail: with doubling pauses, a server may be away for 12 s. */
const MAX_FAILURES = 5;

/**
 * Where a watch ends or its connection breaks, the next goes on after the last event. Where the
 * server has forgotten that version, the list tells what changed meanwhile; only what was deleted
 * then goes untold.
 */
async function resumed<T>({ clock, signal }: Session, stream: Stream<T>): Promise<never> {
  let version = await stream.list(undefined);
  let failures = 0;
  for (;;) {
    try {
      for await (const { type, object } of stream.open(version)) {
        failures = 0;
        version = stream.versionOf(object) ?? version;
        if (type !== "BOOKMARK") stream.show(object);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (isApiError(error, "Expired", "Gone")) version = await stream.list(version);
      else if (isApiError(error) || ++failures > MAX_FAILURES) throw error;
    }
    await delay(clock, PAUSE_MS * 2 ** failures, signal);
  }
}

/** Versions are whole numbers that grow (KEP-5504). */
function isNewer(object: KubeObject | undefined, since: string | undefined): boolean {
  const version = object?.metadata.resourceVersion;
  if (since === undefined || version === undefined) return true;
  return BigInt(version) > BigInt(since);
}

function versionOfTable({ metadata, rows }: Table): string | undefined {
  return rows?.at(-1)?.object?.metadata.resourceVersion ?? metadata?.resourceVersion;
}

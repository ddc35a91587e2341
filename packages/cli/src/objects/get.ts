/** `sagong get`: objects as tables of the server, or as they are; once, or as they change. */
import { isApiError } from "@sagong/orchestrator/api";
import type { Io } from "../terminal.js";
import { manifestTarget } from "./manifests/manifest-targets.js";
import { readManifests } from "./manifests/read-manifests.js";
import { evaluatePath, valueText } from "./output/eval-json-path.js";
import { type OutputFormat, parseOutputFormat } from "./output/output-format.js";
import { naturalOrder } from "./output/natural-order.js";
import { parseRelaxedPath, type Path } from "./output/parse-json-path.js";
import { type FoundObject, printObjects } from "./output/print-objects.js";
import { alignedTable, tableLines } from "./output/table-text.js";
import type { ListCall, Table, TableRow } from "./session/api-calls.js";
import { addSwitch, collect } from "./session/arguments.js";
import { type ServerResource, shownKind } from "./session/discovery.js";
import { CommandError, throwAll } from "./session/errors.js";
import { keyIn, parseTargets, type Target } from "./session/resource-arguments.js";
import { runObjectCommand, type Session } from "./session/session.js";
import { watchTarget } from "./watch-target.js";

export interface GetFlags {
  readonly allNamespaces: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly output?: string;
  readonly watch: boolean;
  readonly watchOnly: boolean;
  readonly headers: boolean;
  readonly showLabels: boolean;
  readonly labelColumns?: readonly string[];
  readonly showKind: boolean;
  readonly showManagedFields: boolean;
  readonly ignoreNotFound: boolean;
  readonly sortBy?: string;
  readonly filename?: readonly string[];
  readonly recursive: boolean;
}

/** A target with the namespace to look in; left out: all, or none where it lives in none. */
export interface PlacedTarget extends Target {
  readonly namespace?: string;
}

export function getCommand(args: readonly string[], io: Io): Promise<number> {
  return runObjectCommand<GetFlags>(
    {
      name: "get",
      description: "Show objects.",
      usage: "(TYPE[,TYPE…] [NAME…] | TYPE/NAME… | -f FILE) [flags]",
      examples: [
        "sagong get pods",
        "sagong get deploy,rs,svc -o wide",
        "sagong get pods -A -l app=web --watch",
        "sagong get deployment web -o yaml",
        "sagong get pods -o jsonpath='{range .items[*]}{.metadata.name}{\"\\n\"}{end}'",
      ],
      declare: (program) => {
        program
          .option("-l, --selector <query>", "only objects with these labels: a=b,c in (d,e),!f")
          .option(
            "--field-selector <query>",
            "only objects with these fields: status.phase=Running",
          )
          .option(
            "-o, --output <format>",
            "wide, json, yaml, name, jsonpath=<template> or custom-columns=<spec>",
          )
          .option("--no-headers", "no line with the columns' names")
          .option("-L, --label-columns <labels>", "labels that get a column", collect)
          .option("--sort-by <path>", "order by this field, as in {.metadata.name}")
          .option("-f, --filename <file>", "objects of these files, folders or - (stdin)", collect);
        addSwitch(program, "-A, --all-namespaces", "in all namespaces");
        addSwitch(program, "-w, --watch", "go on with every change");
        addSwitch(program, "--watch-only", "every change, without what is there now");
        addSwitch(program, "--show-labels", "a column with all labels");
        addSwitch(program, "--show-kind", "put the kind before each name");
        addSwitch(program, "--show-managed-fields", "keep managedFields in json and yaml");
        addSwitch(program, "--ignore-not-found", "what is not there is no error");
        return addSwitch(program, "-R, --recursive", "folders of -f with all folders in them");
      },
      check: check,
      run: (session, words, flags) => new Get(session, flags).run(words),
    },
    args,
    io,
  );
}

function check(words: readonly string[], flags: GetFlags): void {
  if (words.length === 0 && !flags.filename) {
    throw new CommandError(
      "Required resource not specified: expected a type such as pods, or TYPE/NAME",
    );
  }
  if (words.length > 0 && flags.filename) {
    throw new CommandError("when -f is given, types and names cannot be");
  }
  parseOutputFormat(flags.output);
  if (flags.sortBy !== undefined) parseRelaxedPath(flags.sortBy);
}

/** What one request brought. */
interface Found {
  readonly target: PlacedTarget;
  readonly tables: readonly Table[];
}

class Get {
  readonly #session: Session;
  readonly #flags: GetFlags;
  readonly #format: OutputFormat;
  readonly #sortBy: Path | undefined;

  constructor(session: Session, flags: GetFlags) {
    this.#session = session;
    this.#flags = flags;
    this.#format = parseOutputFormat(flags.output);
    this.#sortBy = flags.sortBy === undefined ? undefined : parseRelaxedPath(flags.sortBy);
  }

  async run(words: readonly string[]): Promise<void> {
    const targets = this.#flags.filename
      ? await this.#fromFiles(this.#flags.filename)
      : this.#placed(parseTargets(words, this.#session.resources, "get"));
    if (this.#flags.watch || this.#flags.watchOnly) return this.#watch(targets);
    const errors: unknown[] = [];
    if (this.#format.kind === "table") await this.#printTables(targets, errors);
    else await this.#printObjects(targets, this.#format, errors);
    throwAll(errors);
  }

  #placed(targets: readonly Target[]): readonly PlacedTarget[] {
    const { allNamespaces, selector, fieldSelector } = this.#flags;
    const isNamed = targets.some(({ name }) => name !== undefined);
    if (isNamed && allNamespaces) {
      throw new CommandError("a resource cannot be retrieved by name across all namespaces");
    }
    if (isNamed && (selector || fieldSelector)) {
      throw new CommandError("name cannot be provided when a selector is specified");
    }
    return targets.map((target) =>
      target.resource.namespaced && !allNamespaces
        ? { ...target, namespace: this.#session.namespace }
        : target,
    );
  }

  async #fromFiles(files: readonly string[]): Promise<readonly PlacedTarget[]> {
    const { recursive } = this.#flags;
    const read = await readManifests({ files, recursive }, this.#session.io);
    throwAll(read.errors);
    return read.manifests.map((manifest) => manifestTarget(manifest, this.#session));
  }

  #selection({ namespace }: PlacedTarget): ListCall {
    const { selector: labelSelector, fieldSelector } = this.#flags;
    return { namespace, labelSelector, fieldSelector };
  }

  async #printTables(targets: readonly PlacedTarget[], errors: unknown[]): Promise<void> {
    const found: Found[] = [];
    const includeObject = this.#sortBy ? ("Object" as const) : undefined;
    for (const target of targets) {
      await this.#attempt(errors, async () => {
        const tables: Table[] = [];
        const { name } = target;
        const call = { ...this.#selection(target), name, includeObject };
        for await (const table of this.#session.calls.tables(target.resource, call)) {
          tables.push(table);
        }
        found.push({ target, tables });
      });
    }
    const withKind = this.#flags.showKind || kindsOf(found) > 1;
    const texts = groups(found).map((group) => this.#tableText(group, withKind));
    const text = texts.filter((one) => one !== "").join("\n");
    this.#session.io.out(text);
    if (text === "" && errors.length === 0 && !this.#flags.ignoreNotFound) this.#nothing(targets);
  }

  #tableText(group: readonly Found[], withKind: boolean): string {
    const [first] = group;
    const columns = first?.tables[0]?.columnDefinitions ?? [];
    const rows = group.flatMap(({ tables }) => tables.flatMap((table) => table.rows));
    if (!first || rows.length === 0 || this.#format.kind !== "table") return "";
    const view = {
      wide: this.#format.wide,
      headers: this.#flags.headers,
      withNamespace: this.#flags.allNamespaces && first.target.resource.namespaced,
      kind: withKind ? shownKind(first.target.resource) : undefined,
      labelColumns: this.#flags.labelColumns ?? [],
      showLabels: this.#flags.showLabels,
    };
    return alignedTable(tableLines(columns, this.#ordered(rows), view));
  }

  #ordered(rows: readonly TableRow[]): readonly TableRow[] {
    return this.#sort(rows, ({ object }) => object);
  }

  #sort<T>(values: readonly T[], objectOf: (value: T) => unknown): readonly T[] {
    const path = this.#sortBy;
    if (!path) return values;
    const keyed = values.map((value) => ({ value, key: evaluatePath(path, objectOf(value))[0] }));
    return keyed.toSorted((a, b) => order(a.key, b.key)).map(({ value }) => value);
  }

  #nothing(targets: readonly PlacedTarget[]): void {
    const { io, namespace } = this.#session;
    const isOne =
      !this.#flags.allNamespaces && targets.every(({ resource }) => resource.namespaced);
    io.err(isOne ? `No resources found in ${namespace} namespace.\n` : "No resources found\n");
  }

  async #printObjects(
    targets: readonly PlacedTarget[],
    format: Exclude<OutputFormat, { readonly kind: "table" }>,
    errors: unknown[],
  ): Promise<void> {
    const { calls, io } = this.#session;
    const found: FoundObject[] = [];
    for (const target of targets) {
      await this.#attempt(errors, async () => {
        const { resource, namespace, name } = target;
        const objects =
          name === undefined
            ? (await calls.list(resource, this.#selection(target))).items
            : [await calls.get(resource, keyIn(namespace, { resource, name }))];
        found.push(...objects.map((object) => ({ resource, object })));
      });
    }
    const isSingle = targets.length === 1 && targets[0]?.name !== undefined;
    if (isSingle && found.length === 0) return;
    const { showManagedFields, headers } = this.#flags;
    const sorted = this.#sort(found, ({ object }) => object);
    io.out(printObjects(sorted, { format, isSingle, showManagedFields, noHeaders: !headers }));
  }

  /** One refused request does not keep the others from being shown. */
  async #attempt(errors: unknown[], body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      if (this.#flags.ignoreNotFound && isApiError(error, "NotFound")) return;
      if (!isApiError(error)) throw error;
      errors.push(error);
    }
  }

  async #watch(targets: readonly PlacedTarget[]): Promise<void> {
    const [target, ...others] = targets;
    if (!target || others.length > 0) {
      throw new CommandError("you may only specify a single resource type to watch");
    }
    const { allNamespaces, labelColumns = [], ...flags } = this.#flags;
    const { resource } = target;
    await watchTarget(this.#session, target, {
      selection: this.#selection(target),
      format: this.#format,
      includeInitial: !flags.watchOnly,
      showManagedFields: flags.showManagedFields,
      view: {
        headers: flags.headers,
        withNamespace: allNamespaces && resource.namespaced,
        kind: flags.showKind ? shownKind(resource) : undefined,
        labelColumns,
        showLabels: flags.showLabels,
      },
    });
  }
}

/** Answers for the same resource, one after the other, are one table. */
function groups(found: readonly Found[]): readonly (readonly Found[])[] {
  const result: Found[][] = [];
  for (const one of found) {
    const last = result.at(-1);
    if (last?.[0]?.target.resource === one.target.resource) last.push(one);
    else result.push([one]);
  }
  return result;
}

function kindsOf(found: readonly Found[]): number {
  return new Set<ServerResource>(found.map(({ target }) => target.resource)).size;
}

/** Absent before everything, numbers by size, the rest by its text. */
function order(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  if (typeof a === "number" && typeof b === "number") return a - b;
  return naturalOrder(valueText(a), valueText(b));
}

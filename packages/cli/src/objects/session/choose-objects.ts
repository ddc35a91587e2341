/** Which objects a command acts on: by name, by selector, all of a type, or those of files. */
import { isApiError } from "@sagong/orchestrator/api";
import { manifestTarget } from "../manifests/manifest-targets.js";
import { readManifests } from "../manifests/read-manifests.js";
import type { ServerResource } from "./discovery.js";
import { CommandError, throwAll } from "./errors.js";
import { parseTargets } from "./resource-arguments.js";
import type { Session } from "./session.js";

export interface ChoiceFlags {
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly all?: boolean;
  readonly allNamespaces?: boolean;
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
}

export interface ChosenObject {
  readonly resource: ServerResource;
  /** Left out for what lives in no namespace. */
  readonly namespace?: string | undefined;
  readonly name: string;
  /** The file that names it. */
  readonly source?: string;
}

export interface Choice {
  readonly words: readonly string[];
  readonly flags: ChoiceFlags;
  /** The command's name, for hints. */
  readonly verb: string;
  /** Whether a bare type means all of it, without --all. */
  readonly bareTypeIsAll?: boolean;
}

/** Before a session: faults of the command line. Throws `CommandError`. */
export function checkChoice({ words, flags, verb }: Omit<Choice, "bareTypeIsAll">): void {
  if (words.length === 0 && !flags.filename) {
    throw new CommandError(
      `you must say which objects to ${verb}: expected TYPE NAME, TYPE/NAME or -f FILE`,
    );
  }
  if (words.length > 0 && flags.filename) {
    throw new CommandError("when -f is given, types and names cannot be");
  }
  if (flags.all && (flags.selector || flags.fieldSelector)) {
    throw new CommandError("setting 'all' parameter but found a non empty selector");
  }
}

/** Named objects need not exist; selected ones did a moment ago. */
export async function chooseObjects(
  session: Session,
  choice: Choice,
): Promise<readonly ChosenObject[]> {
  const { words, flags, verb } = choice;
  if (flags.filename) return fromFiles(session, flags.filename, flags.recursive ?? false);
  const { namespace, resources } = session;
  const targets = parseTargets(words, resources, verb);
  const selects = flags.all || flags.selector !== undefined || flags.fieldSelector !== undefined;
  const isNamed = targets.some(({ name }) => name !== undefined);
  if (isNamed && selects) {
    throw new CommandError("name cannot be provided when a selector is specified");
  }
  if (isNamed && flags.allNamespaces) {
    throw new CommandError("a resource cannot be retrieved by name across all namespaces");
  }
  if (!isNamed && !selects && !choice.bareTypeIsAll) {
    throw new CommandError("resource(s) were provided, but no name was specified");
  }
  const chosen: ChosenObject[] = [];
  for (const { resource, name } of targets) {
    const place = resource.namespaced && !flags.allNamespaces ? namespace : undefined;
    if (name === undefined) chosen.push(...(await select(session, resource, { flags, place })));
    else chosen.push({ resource, namespace: place, name });
  }
  return chosen;
}

async function fromFiles(
  session: Session,
  files: readonly string[],
  recursive: boolean,
): Promise<readonly ChosenObject[]> {
  const read = await readManifests({ files, recursive }, session.io);
  throwAll(read.errors);
  return read.manifests.map((manifest) => manifestTarget(manifest, session));
}

async function select(
  { calls }: Session,
  resource: ServerResource,
  { flags, place }: { readonly flags: ChoiceFlags; readonly place: string | undefined },
): Promise<readonly ChosenObject[]> {
  const { selector: labelSelector, fieldSelector } = flags;
  const { items } = await calls.list(resource, { namespace: place, labelSelector, fieldSelector });
  return items.map(({ metadata }) => ({
    resource,
    namespace: metadata.namespace,
    name: metadata.name ?? "",
  }));
}

/**
 * Does `body` for each; what the server refuses, or this side, is collected and thrown at the end,
 * so that one object does not keep the others from their turn.
 */
export async function forEachObject(
  chosen: readonly ChosenObject[],
  body: (object: ChosenObject) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  for (const object of chosen) {
    try {
      await body(object);
    } catch (error) {
      if (!isApiError(error) && !(error instanceof CommandError)) throw error;
      errors.push(error);
    }
  }
  throwAll(errors);
}

/** `sagong describe`: one object in detail, with what belongs to it and what happened to it. */
import { isApiError, type KubeObject } from "@sagong/orchestrator/api";
import type { Io } from "../terminal.js";
import { describeObject } from "./describe/describe-object.js";
import { addSwitch, collect } from "./session/arguments.js";
import {
  checkChoice,
  type ChoiceFlags,
  type ChosenObject,
  chooseObjects,
} from "./session/choose-objects.js";
import type { ServerResource } from "./session/discovery.js";
import { throwAll } from "./session/errors.js";
import { keyIn } from "./session/resource-arguments.js";
import { runObjectCommand, type Session } from "./session/session.js";

interface DescribeFlags extends ChoiceFlags {
  readonly showEvents: boolean;
}

export function describeCommand(args: readonly string[], io: Io): Promise<number> {
  return runObjectCommand<DescribeFlags>(
    {
      name: "describe",
      description: "Show objects in detail, with their events.",
      usage: "(TYPE [NAME | NAME-PREFIX] | TYPE/NAME… | TYPE -l LABELS | -f FILE) [flags]",
      examples: [
        "sagong describe pod web-1",
        "sagong describe deployment/web",
        "sagong describe nodes",
        "sagong describe pods -l app=web",
      ],
      declare: (program) => {
        program
          .option("-l, --selector <query>", "objects with these labels")
          .option("-f, --filename <file>", "objects of these files, folders or - (stdin)", collect);
        addSwitch(program, "-A, --all-namespaces", "in all namespaces");
        addSwitch(program, "--show-events", "with the events of each object", true);
        return addSwitch(program, "-R, --recursive", "folders of -f with all folders in them");
      },
      check: (words, flags) => checkChoice({ words, flags, verb: "describe" }),
      run: describe,
    },
    args,
    io,
  );
}

async function describe(
  session: Session,
  words: readonly string[],
  flags: DescribeFlags,
): Promise<void> {
  const { io, namespace } = session;
  const choice = { words, flags, verb: "describe", bareTypeIsAll: true };
  const errors: unknown[] = [];
  let isFirst = true;
  for (const chosen of await chooseObjects(session, choice)) {
    try {
      for (const object of await objectsOf(session, chosen)) {
        const text = await describeObject(session, { resource: chosen.resource, object }, flags);
        io.out(isFirst ? text : `\n\n${text}`);
        isFirst = false;
      }
    } catch (error) {
      if (!isApiError(error)) throw error;
      errors.push(error);
    }
  }
  if (isFirst && errors.length === 0) {
    io.err(
      flags.allNamespaces
        ? "No resources found\n"
        : `No resources found in ${namespace} namespace.\n`,
    );
  }
  throwAll(errors);
}

/** The object of the name; where there is none, all whose names begin so. */
async function objectsOf(
  { calls }: Session,
  { resource, namespace, name }: ChosenObject & { readonly resource: ServerResource },
): Promise<readonly KubeObject[]> {
  try {
    return [await calls.get(resource, keyIn(namespace, { resource, name }))];
  } catch (error) {
    if (!isApiError(error, "NotFound")) throw error;
    const { items } = await calls.list(resource, { namespace });
    const found = items.filter(({ metadata }) => metadata.name?.startsWith(name));
    if (found.length > 0) return found;
    throw error;
  }
}

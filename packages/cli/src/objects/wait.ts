/** `sagong wait`: until objects are as they are to be. */
import { isApiError } from "@sagong/orchestrator/api";
import type { Io } from "../terminal.js";
import { addSwitch, collect, goDurationMs } from "./session/arguments.js";
import {
  checkChoice,
  type ChoiceFlags,
  type ChosenObject,
  chooseObjects,
  forEachObject,
} from "./session/choose-objects.js";
import { shownName } from "./session/discovery.js";
import { CommandError } from "./session/errors.js";
import { followObject } from "./session/follow-object.js";
import { keyIn } from "./session/resource-arguments.js";
import { deadline, runObjectCommand, type Session } from "./session/session.js";
import { isMet, parseWaitCondition, type WaitCondition } from "./wait/wait-condition.js";

interface WaitFlags extends ChoiceFlags {
  readonly for?: string;
  readonly timeout: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** What a negative timeout means. */
const WEEK_MS = 7 * 24 * 3_600_000;

export function waitCommand(args: readonly string[], io: Io): Promise<number> {
  return runObjectCommand<WaitFlags>(
    {
      name: "wait",
      description: "Wait until objects have a condition, a value, are there, or are gone.",
      usage:
        "(TYPE NAME | TYPE/NAME… | TYPE (-l LABELS | --all) | -f FILE) --for=CONDITION [flags]",
      examples: [
        "sagong wait --for=condition=Available deployment/web",
        "sagong wait --for=condition=Ready pod -l app=web --timeout=2m",
        "sagong wait --for=jsonpath='{.status.phase}'=Running pod/web-1",
        "sagong wait --for=delete pod/web-1 --timeout=60s",
      ],
      declare: (program) => {
        program
          .option(
            "--for <condition>",
            "create, delete, condition=NAME[=VALUE] or jsonpath={PATH}[=VALUE]",
          )
          .option(
            "--timeout <duration>",
            "wait so long for each; 0 only looks, negative is a week",
            goDurationMs,
            DEFAULT_TIMEOUT_MS,
          )
          .option("-l, --selector <query>", "objects with these labels")
          .option("--field-selector <query>", "objects with these fields")
          .option("-f, --filename <file>", "objects of these files, folders or - (stdin)", collect);
        addSwitch(program, "--all", "all objects of the type");
        addSwitch(program, "-A, --all-namespaces", "in all namespaces");
        return addSwitch(
          program,
          "-R, --recursive",
          "folders of -f with all folders in them",
          true,
        );
      },
      check: (words, flags) => {
        parseWaitCondition(flags.for ?? "");
        checkChoice({ words, flags, verb: "wait" });
      },
      run: async (session, words, flags) => {
        const condition = parseWaitCondition(flags.for ?? "");
        const chosen = await chooseObjects(session, { words, flags, verb: "wait" });
        if (chosen.length === 0 && condition.kind !== "delete") {
          throw new CommandError("no matching resources found");
        }
        await forEachObject(chosen, (object) => waitFor(session, object, { condition, flags }));
      },
    },
    args,
    io,
  );
}

async function waitFor(
  session: Session,
  { resource, namespace, name }: ChosenObject,
  { condition, flags }: { readonly condition: WaitCondition; readonly flags: WaitFlags },
): Promise<void> {
  const { calls, clock, io, signal } = session;
  const key = keyIn(namespace, { resource, name });
  const met = (): void => io.out(`${shownName(resource, name)} condition met\n`);
  try {
    const object = await calls.get(resource, key);
    if (isMet(condition, object)) return met();
  } catch (error) {
    if (!isApiError(error, "NotFound")) throw error;
    // What was gone before we came is not told of, as kubectl does.
    if (condition.kind === "delete") return;
    if (condition.kind !== "create") throw error;
  }
  const place = `${resource.resource}/${name}`;
  if (flags.timeout === 0) throw new CommandError(`condition not met for ${place}`);
  const limit = deadline(clock, { ms: flags.timeout < 0 ? WEEK_MS : flags.timeout, signal });
  try {
    for await (const object of followObject(session, resource, { ...key, signal: limit.signal })) {
      if (isMet(condition, object)) return met();
    }
  } catch (error) {
    if (!limit.hasPassed()) throw error;
    throw new CommandError(`timed out waiting for the condition on ${place}`);
  } finally {
    limit.cancel();
  }
}

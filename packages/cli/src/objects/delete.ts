/** `sagong delete`: by name, by selector or by file; waits until what was deleted is gone. */
import { isApiError, type KubeObject } from "@sagong/orchestrator/api";
import type { Io } from "../terminal.js";
import { addSwitch, collect, goDurationMs, integer } from "./session/arguments.js";
import {
  checkChoice,
  type ChoiceFlags,
  type ChosenObject,
  chooseObjects,
} from "./session/choose-objects.js";
import { type DryRun, dryRunSuffix, parseDryRun } from "./session/dry-run.js";
import { shownKind, shownName } from "./session/discovery.js";
import { CommandError, throwAll, withContext } from "./session/errors.js";
import { followObject } from "./session/follow-object.js";
import { keyIn } from "./session/resource-arguments.js";
import { deadline, runObjectCommand, type Session } from "./session/session.js";

interface DeleteFlags extends ChoiceFlags {
  readonly output?: string;
  readonly wait: boolean;
  readonly timeout: number;
  readonly gracePeriod: number;
  readonly force: boolean;
  readonly now: boolean;
  readonly cascade: string;
  readonly ignoreNotFound: boolean;
  readonly dryRun: string;
}

const CASCADES: Readonly<Record<string, string>> = {
  background: "Background",
  true: "Background",
  foreground: "Foreground",
  orphan: "Orphan",
  false: "Orphan",
};

export function deleteCommand(args: readonly string[], io: Io): Promise<number> {
  return runObjectCommand<DeleteFlags>(
    {
      name: "delete",
      description: "Delete objects, and wait until they are gone.",
      usage: "(TYPE NAME… | TYPE/NAME… | TYPE (-l LABELS | --all) | -f FILE) [flags]",
      examples: [
        "sagong delete pod web-1",
        "sagong delete -f web.yaml",
        "sagong delete deploy,svc -l app=web",
        "sagong delete pod web-1 --grace-period=0 --force",
        "sagong delete deployment web --cascade=orphan --wait=false",
      ],
      optionals: { "--cascade": "background" },
      declare: (program) => {
        program
          .option("-l, --selector <query>", "objects with these labels")
          .option("--field-selector <query>", "objects with these fields")
          .option("-f, --filename <file>", "objects of these files, folders or - (stdin)", collect)
          .option("-o, --output <format>", "name: only type and name of what is deleted")
          .option("--timeout <duration>", "wait so long; 0 as long as it takes", goDurationMs, 0)
          .option(
            "--grace-period <seconds>",
            "how long it gets to end; 0 only with --force",
            integer,
            -1,
          )
          .option(
            "--cascade <how>",
            "what becomes of what it owns: background, foreground or orphan",
            "background",
          )
          .option("--dry-run <where>", "none, client or server", "none");
        addSwitch(program, "--all", "all objects of the type");
        addSwitch(program, "-A, --all-namespaces", "in all namespaces");
        addSwitch(program, "-R, --recursive", "folders of -f with all folders in them");
        addSwitch(program, "--wait", "wait until it is gone", true);
        addSwitch(program, "--force", "do not wait for the node to confirm the end");
        addSwitch(program, "--now", "the same as --grace-period=1");
        return addSwitch(program, "--ignore-not-found", "what is not there is no error");
      },
      check,
      run: (session, words, flags) => new Delete(session, flags).run(words),
    },
    args,
    io,
  );
}

function check(words: readonly string[], flags: DeleteFlags): void {
  checkChoice({ words, flags, verb: "delete" });
  if (!(flags.cascade in CASCADES)) {
    throw new CommandError(
      `invalid cascade value (${flags.cascade}). Must be "background", "foreground", or "orphan"`,
    );
  }
  if (flags.output !== undefined && flags.output !== "" && flags.output !== "name") {
    throw new CommandError(`unexpected -o output mode: ${flags.output}. We only support '-o name'`);
  }
  if (flags.now && flags.gracePeriod !== -1) {
    throw new CommandError("--now and --grace-period cannot be specified together");
  }
  if (flags.force && flags.gracePeriod > 0) {
    throw new CommandError(
      "--force and --grace-period greater than 0 cannot be specified together",
    );
  }
  parseDryRun(flags.dryRun);
}

class Delete {
  readonly #session: Session;
  readonly #flags: DeleteFlags;
  readonly #dryRun: DryRun;

  constructor(session: Session, flags: DeleteFlags) {
    this.#session = session;
    this.#flags = flags;
    this.#dryRun = parseDryRun(flags.dryRun);
  }

  async run(words: readonly string[]): Promise<void> {
    const { filename, force, wait } = this.#flags;
    const { io } = this.#session;
    const errors: unknown[] = [];
    const victims = await chooseObjects(this.#session, {
      words,
      flags: this.#flags,
      verb: "delete",
    });
    if (force) {
      io.err(
        "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n",
      );
    }
    const going: (ChosenObject & { readonly uid: string | undefined })[] = [];
    let found = 0;
    for (const victim of victims) {
      try {
        const answer = await this.#delete(victim);
        found++;
        this.#tell(victim);
        going.push({ ...victim, uid: uidOf(answer) });
      } catch (error) {
        if (!isApiError(error)) throw error;
        if (isApiError(error, "NotFound") && this.#passesMissing(victim)) continue;
        errors.push(
          victim.source === undefined
            ? error
            : withContext(error, `error when deleting "${victim.source}"`),
        );
      }
    }
    if (found === 0 && errors.length === 0 && !filename && !this.#flags.ignoreNotFound) {
      io.out("No resources found\n");
    }
    if (wait && this.#dryRun === "none") await this.#awaitGone(going);
    throwAll(errors);
  }

  #passesMissing({ source }: ChosenObject): boolean {
    const { ignoreNotFound, all, selector } = this.#flags;
    // What a list has just shown may go by itself before its turn comes.
    return ignoreNotFound || (source === undefined && (all || selector !== undefined));
  }

  #delete(victim: ChosenObject): Promise<KubeObject> {
    const { calls } = this.#session;
    const key = keyIn(victim.namespace, victim);
    if (this.#dryRun === "client") return calls.get(victim.resource, key);
    const { now, force, gracePeriod, cascade } = this.#flags;
    const seconds = now ? 1 : force && gracePeriod < 0 ? 0 : gracePeriod;
    // Without --force, 0 means as fast as the node can confirm it: one second, as kubectl has it.
    const gracePeriodSeconds = seconds === 0 && !force ? 1 : seconds;
    return calls.delete(victim.resource, key, {
      propagationPolicy: CASCADES[cascade],
      ...(seconds >= 0 ? { gracePeriodSeconds } : {}),
      ...(this.#dryRun === "server" ? { dryRun: ["All"] } : {}),
    });
  }

  #tell({ resource, namespace, name }: ChosenObject): void {
    const { output, force } = this.#flags;
    const { io } = this.#session;
    if (output === "name") {
      io.out(`${shownName(resource, name)}\n`);
      return;
    }
    const how = dryRunSuffix(this.#dryRun);
    const where = resource.namespaced ? ` from ${namespace ?? ""} namespace` : "";
    const what = force ? "force deleted" : "deleted";
    io.out(`${shownKind(resource)} "${name}" ${what}${where}${how}\n`);
  }

  async #awaitGone(
    victims: readonly (ChosenObject & { readonly uid?: string | undefined })[],
  ): Promise<void> {
    const { clock, signal: outer } = this.#session;
    const limit = deadline(clock, { ms: this.#flags.timeout, signal: outer });
    try {
      for (const victim of victims) {
        const { resource, namespace, name, uid } = victim;
        const key = { ...keyIn(namespace, { resource, name }), signal: limit.signal };
        try {
          for await (const object of followObject(this.#session, resource, key)) {
            // One of the same name with another identity is another object: ours is gone.
            if (!object || (uid !== undefined && object.metadata.uid !== uid)) break;
          }
        } catch (error) {
          if (!limit.hasPassed()) throw error;
          throw new CommandError(
            `timed out waiting for the condition on ${resource.resource}/${name}`,
          );
        }
      }
    } finally {
      limit.cancel();
    }
  }
}

/** Of the object, or of the Status that tells of its deletion. */
function uidOf(answer: KubeObject): string | undefined {
  if (answer.kind !== "Status") return answer.metadata.uid;
  const { details } = answer as { details?: { uid?: string } }; // meta/v1 Status.
  return details?.uid;
}

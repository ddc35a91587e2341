/** `sagong rollout undo`: back to an earlier revision. */
import type { Deployment } from "@sagong/orchestrator/api";
import type { Io } from "../../terminal.js";
import { integer } from "../session/arguments.js";
import { checkChoice, type ChoiceFlags } from "../session/choose-objects.js";
import { shownName } from "../session/discovery.js";
import { dryRunSuffix, parseDryRun } from "../session/dry-run.js";
import { CommandError } from "../session/errors.js";
import { keyIn } from "../session/resource-arguments.js";
import { runObjectCommand, type Session } from "../session/session.js";
import { revisionsOf, revisionText } from "./history.js";
import {
  declareChoice,
  forEachRollout,
  isDeployment,
  type RolledObject,
} from "./rollout-objects.js";
import { planUndo, skippedText } from "./undo.js";

interface UndoFlags extends ChoiceFlags {
  readonly toRevision: number;
  readonly dryRun: string;
}

export function rolloutUndo(args: readonly string[], io: Io): Promise<number> {
  return runObjectCommand<UndoFlags>(
    {
      name: "rollout undo",
      description: "Put back the pod template that an earlier revision of a deployment had.",
      usage: "(TYPE NAME | TYPE/NAME…) [flags]",
      examples: [
        "sagong rollout undo deployment/web",
        "sagong rollout undo deploy/web --to-revision=3",
        "sagong rollout undo deploy/web --dry-run=client",
      ],
      optionals: { "--dry-run": "client" },
      declare: (program) =>
        declareChoice(
          program
            .option("--to-revision <n>", "back to this one; 0 is the one before", integer, 0)
            .option("--dry-run <where>", "none, client or server", "none"),
        ),
      check: (words, flags) => {
        checkChoice({ words, flags, verb: "undo" });
        if (flags.toRevision < 0) {
          throw new CommandError(`revision must be a positive integer: ${flags.toRevision}`);
        }
        parseDryRun(flags.dryRun);
      },
      run: (session, words, flags) =>
        forEachRollout(session, { words, flags, verb: "rollout undo" }, (rolled) =>
          undo(session, rolled, flags),
        ),
    },
    args,
    io,
  );
}

async function undo(
  session: Session,
  { resource, namespace, name, object }: RolledObject,
  flags: UndoFlags,
): Promise<void> {
  const { calls, io } = session;
  const shown = shownName(resource, name);
  if (!isDeployment(resource)) {
    throw new CommandError(`cannot undo ${shown}: only deployments can be rolled back yet`);
  }
  const dryRun = parseDryRun(flags.dryRun);
  const deployment = object as Deployment; // By its resource.
  const revisions = await revisionsOf(session, deployment);
  const { patch, replicaSet } = planUndo(deployment, revisions, flags.toRevision);
  if (dryRun === "client") {
    io.out(`${shown} ${revisionText(replicaSet)}${dryRunSuffix(dryRun)}\n`);
    return;
  }
  if (patch) {
    const key = keyIn(namespace, { resource, name });
    await calls.patch(resource, key, { type: "json", patch, dryRun: dryRun === "server" });
  }
  const what = patch ? "rolled back" : skippedText(replicaSet);
  io.out(`${shown} ${what}${dryRunSuffix(dryRun)}\n`);
}

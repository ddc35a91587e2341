/** `sagong rollout history`: the revisions of a deployment, or one of them. */
import type { Deployment } from "@sagong/orchestrator/api";
import type { Io } from "../../terminal.js";
import { parseResultFormat } from "../output/output-format.js";
import { printObjects } from "../output/print-objects.js";
import { integer } from "../session/arguments.js";
import { checkChoice, type ChoiceFlags } from "../session/choose-objects.js";
import { shownName } from "../session/discovery.js";
import { CommandError } from "../session/errors.js";
import { runObjectCommand, type Session } from "../session/session.js";
import { historyText, revisionAt, revisionsOf, revisionText } from "./history.js";
import {
  declareChoice,
  forEachRollout,
  isDeployment,
  type RolledObject,
} from "./rollout-objects.js";

interface HistoryFlags extends ChoiceFlags {
  readonly revision: number;
  readonly output?: string;
}

export function rolloutHistory(args: readonly string[], io: Io): Promise<number> {
  return runObjectCommand<HistoryFlags>(
    {
      name: "rollout history",
      description: "List the revisions of a deployment, or show the pod template of one.",
      usage: "(TYPE NAME | TYPE/NAME…) [flags]",
      examples: [
        "sagong rollout history deployment/web",
        "sagong rollout history deploy/web --revision=2",
      ],
      declare: (program) =>
        declareChoice(
          program
            .option("--revision <n>", "show this one; 0 lists all", integer, 0)
            .option("-o, --output <format>", "json, yaml, name or jsonpath=<template>"),
        ),
      check: (words, flags) => {
        checkChoice({ words, flags, verb: "show" });
        if (flags.revision < 0) {
          throw new CommandError(`revision must be a positive integer: ${flags.revision}`);
        }
        parseResultFormat(flags.output);
      },
      run: (session, words, flags) =>
        forEachRollout(session, { words, flags, verb: "rollout history" }, (rolled) =>
          showHistory(session, rolled, flags),
        ),
    },
    args,
    io,
  );
}

async function showHistory(
  session: Session,
  { resource, name, object }: RolledObject,
  { revision, output }: HistoryFlags,
): Promise<void> {
  const { io, resources } = session;
  if (!isDeployment(resource)) {
    throw new CommandError(
      `cannot show the history of ${shownName(resource, name)}: only deployments' history is kept in replica sets, which is what is read yet`,
    );
  }
  const revisions = await revisionsOf(session, object as Deployment); // By its resource.
  const format = parseResultFormat(output);
  if (format && format.kind !== "table") {
    const shown =
      revision === 0 ? revisions.map(([, one]) => one) : [revisionAt(revisions, revision)];
    const replicaSets = resources.find("replicasets.apps");
    const found = shown.map((one) => ({ resource: replicaSets, object: one }));
    io.out(printObjects(found, { format, isSingle: revision > 0 }));
    return;
  }
  const shown = shownName(resource, name);
  io.out(
    revision === 0
      ? `${shown} \n${historyText(revisions)}`
      : `${shown} with revision #${revision}\n${revisionText(revisionAt(revisions, revision))}\n`,
  );
}

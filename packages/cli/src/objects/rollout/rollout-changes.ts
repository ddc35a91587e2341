/** `sagong rollout restart`, `pause` and `resume`: one small patch each. */
import { isTree } from "@sagong/orchestrator/api";
import type { Io } from "../../terminal.js";
import { checkChoice, type ChoiceFlags } from "../session/choose-objects.js";
import { shownName } from "../session/discovery.js";
import { CommandError } from "../session/errors.js";
import { keyIn } from "../session/resource-arguments.js";
import { runObjectCommand, type Session } from "../session/session.js";
import {
  declareChoice,
  forEachRollout,
  isDeployment,
  quoted,
  type RolledObject,
} from "./rollout-objects.js";

export type RolloutChange = "restart" | "pause" | "resume";

interface ChangeWords {
  readonly done: string;
  readonly doing: string;
  readonly description: string;
}

const WORDS: Readonly<Record<RolloutChange, ChangeWords>> = {
  restart: {
    done: "restarted",
    doing: "restarting",
    description: "Replace all pods of a workload in the manner of its rollouts.",
  },
  pause: {
    done: "paused",
    doing: "pausing",
    description: "Let changes of a deployment wait until it is resumed.",
  },
  resume: {
    done: "resumed",
    doing: "resuming",
    description: "Roll out the changes of a paused deployment.",
  },
};
const RESTARTABLE = ["deployments", "daemonsets", "statefulsets"];
/** Another value in the pod template is a new revision: the time is one. */
const RESTARTED_AT = "kubectl.kubernetes.io/restartedAt";
const FIELD_MANAGER = "kubectl-rollout";

export function rolloutChanges(
  change: RolloutChange,
): (args: readonly string[], io: Io) => Promise<number> {
  return (args, io) =>
    runObjectCommand<ChoiceFlags>(
      {
        name: `rollout ${change}`,
        description: WORDS[change].description,
        usage: "(TYPE NAME | TYPE/NAME…) [flags]",
        examples: [
          `sagong rollout ${change} deployment/web`,
          `sagong rollout ${change} deployment -l app=web`,
        ],
        declare: declareChoice,
        check: (words, flags) => checkChoice({ words, flags, verb: change }),
        run: (session, words, flags) =>
          forEachRollout(session, { words, flags, verb: `rollout ${change}` }, (rolled) =>
            make(session, rolled, change),
          ),
      },
      args,
      io,
    );
}

async function make(session: Session, rolled: RolledObject, change: RolloutChange): Promise<void> {
  const { resource, namespace, name } = rolled;
  const { calls, clock, io } = session;
  checkPossible(rolled, change);
  const now = `${new Date(clock.wallMs()).toISOString().slice(0, 19)}Z`;
  const patch =
    change === "restart"
      ? { spec: { template: { metadata: { annotations: { [RESTARTED_AT]: now } } } } }
      : { spec: { paused: change === "pause" ? true : null } };
  await calls.patch(resource, keyIn(namespace, { resource, name }), {
    type: "strategic-merge",
    patch,
    fieldManager: FIELD_MANAGER,
  });
  io.out(`${shownName(resource, name)} ${WORDS[change].done}\n`);
}

function checkPossible(rolled: RolledObject, change: RolloutChange): void {
  const { resource, object } = rolled;
  const isPossible =
    change === "restart"
      ? resource.group === "apps" && RESTARTABLE.includes(resource.resource)
      : isDeployment(resource);
  if (!isPossible) {
    throw new CommandError(`${quoted(rolled)} ${WORDS[change].doing} is not supported`);
  }
  const spec: unknown = isTree(object) ? object["spec"] : undefined;
  const isPaused = isTree(spec) && spec["paused"] === true;
  if (change === "restart" && isPaused) {
    throw new CommandError(
      `${quoted(rolled)} can't restart paused deployment (run rollout resume first)`,
    );
  }
  if (change === "pause" && isPaused) throw new CommandError(`${quoted(rolled)} is already paused`);
  if (change === "resume" && !isPaused) throw new CommandError(`${quoted(rolled)} is not paused`);
}

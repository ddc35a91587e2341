/** `sagong rollout status`: tells how far a rollout is until it is done or has failed. */
import type { DaemonSet, Deployment, KubeObject, StatefulSet } from "@sagong/orchestrator/api";
import type { Io } from "../../terminal.js";
import { addSwitch, goDurationMs, integer } from "../session/arguments.js";
import { checkChoice, type ChoiceFlags } from "../session/choose-objects.js";
import type { ServerResource } from "../session/discovery.js";
import { CommandError } from "../session/errors.js";
import { followObject } from "../session/follow-object.js";
import { keyIn } from "../session/resource-arguments.js";
import { deadline, runObjectCommand, type Session } from "../session/session.js";
import { REVISION } from "./history.js";
import {
  declareChoice,
  forEachRollout,
  isDeployment,
  type RolledObject,
} from "./rollout-objects.js";
import {
  daemonSetStatus,
  deploymentStatus,
  type RolloutStatus,
  statefulSetStatus,
} from "./status.js";

interface StatusFlags extends ChoiceFlags {
  readonly watch: boolean;
  readonly timeout: number;
  readonly revision: number;
}

export function rolloutStatus(args: readonly string[], io: Io): Promise<number> {
  return runObjectCommand<StatusFlags>(
    {
      name: "rollout status",
      description: "Watch a rollout until it is done; fails where the rollout does.",
      usage: "(TYPE NAME | TYPE/NAME…) [flags]",
      examples: [
        "sagong rollout status deployment/web",
        "sagong rollout status deploy/web --timeout=2m",
        "sagong rollout status deploy/web --watch=false",
      ],
      declare: (program) => {
        program
          .option("--timeout <duration>", "watch so long; 0 as long as it takes", goDurationMs, 0)
          .option("--revision <n>", "of this revision; 0 is the last", integer, 0);
        addSwitch(program, "-w, --watch", "until it is done", true);
        return declareChoice(program);
      },
      check: (words, flags) => checkChoice({ words, flags, verb: "watch" }),
      run: (session, words, flags) =>
        forEachRollout(session, { words, flags, verb: "rollout status" }, (rolled) =>
          watchRollout(session, rolled, flags),
        ),
    },
    args,
    io,
  );
}

async function watchRollout(
  session: Session,
  { resource, namespace, name }: RolledObject,
  { watch, timeout, revision }: StatusFlags,
): Promise<void> {
  const statusOf = viewerOf(resource);
  const limit = deadline(session.clock, { ms: timeout, signal: session.signal });
  const key = { ...keyIn(namespace, { resource, name }), signal: limit.signal };
  let told = "";
  try {
    for await (const object of followObject(session, resource, key)) {
      if (!object) throw new CommandError("object has been deleted");
      if (isDeployment(resource)) checkRevision(object, revision);
      const { text, isDone } = statusOf(object);
      // Changes of other fields say nothing new.
      if (text !== told) session.io.out(text);
      told = text;
      if (isDone || !watch) return;
    }
  } catch (error) {
    if (!limit.hasPassed()) throw error;
    throw new CommandError("timed out waiting for the condition");
  } finally {
    limit.cancel();
  }
}

function viewerOf(resource: ServerResource): (object: KubeObject) => RolloutStatus {
  const name = resource.group === "apps" ? resource.resource : "";
  // The server answers with objects of the resource that was asked for.
  if (name === "deployments") return (object) => deploymentStatus(object as Deployment);
  if (name === "daemonsets") return (object) => daemonSetStatus(object as DaemonSet);
  if (name === "statefulsets") return (object) => statefulSetStatus(object as StatefulSet);
  throw new CommandError(`no status viewer has been implemented for ${resource.kind}`);
}

function checkRevision({ metadata }: KubeObject, wanted: number): void {
  if (wanted <= 0) return;
  const running = metadata.annotations?.[REVISION];
  if (running !== undefined && Number(running) !== wanted) {
    throw new CommandError(
      `desired revision (${wanted}) is different from the running revision (${running})`,
    );
  }
}

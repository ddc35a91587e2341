/** What the commands of `rollout` share: their objects, and how a kind that cannot is told. */
import type { KubeObject } from "@sagong/orchestrator/api";
import type { Command as Program } from "commander";
import { addSwitch, collect } from "../session/arguments.js";
import {
  type ChoiceFlags,
  type ChosenObject,
  chooseObjects,
  forEachObject,
} from "../session/choose-objects.js";
import type { ServerResource } from "../session/discovery.js";
import { CommandError } from "../session/errors.js";
import { keyIn } from "../session/resource-arguments.js";
import type { Session } from "../session/session.js";

export interface RolledObject extends ChosenObject {
  readonly object: KubeObject;
}

export function declareChoice(program: Program): Program {
  program
    .option("-l, --selector <query>", "objects with these labels")
    .option("-f, --filename <file>", "objects of these files, folders or - (stdin)", collect);
  return addSwitch(program, "-R, --recursive", "folders of -f with all folders in them");
}

/** A type without a name is all of it, as kubectl has it. */
export async function forEachRollout(
  session: Session,
  {
    words,
    flags,
    verb,
  }: { readonly words: readonly string[]; readonly flags: ChoiceFlags; readonly verb: string },
  body: (rolled: RolledObject) => Promise<void>,
): Promise<void> {
  const chosen = await chooseObjects(session, { words, flags, verb, bareTypeIsAll: true });
  if (chosen.length === 0) throw new CommandError("no matching resources found");
  await forEachObject(chosen, async (one) => {
    const key = keyIn(one.namespace, one);
    await body({ ...one, object: await session.calls.get(one.resource, key) });
  });
}

export function isDeployment({ group, resource }: ServerResource): boolean {
  return group === "apps" && resource === "deployments";
}

/** `deployments.apps "web"` */
export function quoted({ resource, name }: ChosenObject): string {
  return `${resource.group === "" ? resource.resource : `${resource.resource}.${resource.group}`} "${name}"`;
}

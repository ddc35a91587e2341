/** `sagong scale`: how many of it there are to be. */
import { isTree, type KubeObject } from "@sagong/orchestrator/api";
import { InvalidArgumentError } from "commander";
import type { Io } from "../terminal.js";
import { parseResultFormat } from "./output/output-format.js";
import { printObjects } from "./output/print-objects.js";
import { addSwitch, collect, goDurationMs, integer } from "./session/arguments.js";
import {
  checkChoice,
  type ChoiceFlags,
  type ChosenObject,
  chooseObjects,
  forEachObject,
} from "./session/choose-objects.js";
import { shownName } from "./session/discovery.js";
import { dryRunSuffix, parseDryRun } from "./session/dry-run.js";
import { CommandError } from "./session/errors.js";
import { followObject } from "./session/follow-object.js";
import { keyIn } from "./session/resource-arguments.js";
import { deadline, runObjectCommand, type Session } from "./session/session.js";

interface ScaleFlags extends ChoiceFlags {
  readonly replicas?: number;
  readonly currentReplicas: number;
  readonly resourceVersion?: string;
  readonly timeout: number;
  readonly output?: string;
  readonly dryRun: string;
}

export function scaleCommand(args: readonly string[], io: Io): Promise<number> {
  return runObjectCommand<ScaleFlags>(
    {
      name: "scale",
      description: "Set how many replicas of a deployment, replica set or stateful set there are.",
      usage: "(TYPE NAME | TYPE/NAME… | TYPE (-l LABELS | --all) | -f FILE) --replicas=N [flags]",
      examples: [
        "sagong scale deployment web --replicas=3",
        "sagong scale deploy/web deploy/api --replicas=0",
        "sagong scale deploy/web --current-replicas=2 --replicas=3 --timeout=1m",
      ],
      optionals: { "--dry-run": "client" },
      declare: (program) => {
        program
          .option("--replicas <n>", "how many there are to be", replicaCount)
          .option("--current-replicas <n>", "only if there are so many now", integer, -1)
          .option("--resource-version <version>", "only if this is the object's version")
          .option(
            "--timeout <duration>",
            "wait so long until there are; 0 does not",
            goDurationMs,
            0,
          )
          .option("-l, --selector <query>", "objects with these labels")
          .option("-f, --filename <file>", "objects of these files, folders or - (stdin)", collect)
          .option("-o, --output <format>", "json, yaml, name or jsonpath=<template>")
          .option("--dry-run <where>", "none, client or server", "none");
        addSwitch(program, "--all", "all objects of the type");
        return addSwitch(program, "-R, --recursive", "folders of -f with all folders in them");
      },
      check: (words, flags) => {
        if (flags.replicas === undefined)
          throw new CommandError('required flag(s) "replicas" not set');
        checkChoice({ words, flags, verb: "scale" });
        parseResultFormat(flags.output);
        parseDryRun(flags.dryRun);
      },
      run: async (session, words, flags) => {
        const chosen = await chooseObjects(session, { words, flags, verb: "scale" });
        if (chosen.length === 0) throw new CommandError("no objects passed to scale");
        await forEachObject(chosen, (object) => scale(session, object, flags));
      },
    },
    args,
    io,
  );
}

function replicaCount(text: string): number {
  const count = integer(text);
  if (count >= 0) return count;
  throw new InvalidArgumentError("Expected 0 or more.");
}

async function scale(session: Session, chosen: ChosenObject, flags: ScaleFlags): Promise<void> {
  const { resource, namespace, name } = chosen;
  const { replicas = 0 } = flags;
  const dryRun = parseDryRun(flags.dryRun);
  const key = keyIn(namespace, { resource, name });
  // First the object itself, so that a missing one is called by its own name.
  await session.calls.get(resource, key);
  if (!resource.subresources.includes("scale")) {
    throw new CommandError(`cannot scale ${shownName(resource, name)}: it has no scale`);
  }
  const hasCondition = flags.currentReplicas >= 0 || flags.resourceVersion !== undefined;
  let scaled: KubeObject;
  if (dryRun === "client") {
    scaled = withReplicas(
      await session.calls.get(resource, { ...key, subresource: "scale" }),
      replicas,
    );
  } else if (hasCondition && dryRun === "none") {
    const current = await session.calls.get(resource, { ...key, subresource: "scale" });
    checkConditions(current, flags);
    // With the version that was read: a change between has the server refuse.
    const object = withReplicas(current, replicas);
    scaled = await session.calls.update(resource, key, { object, subresource: "scale" });
  } else {
    scaled = await session.calls.patch(resource, key, {
      type: "merge",
      subresource: "scale",
      patch: { spec: { replicas } },
      dryRun: dryRun === "server",
    });
  }
  const format = parseResultFormat(flags.output);
  session.io.out(
    format && format.kind !== "table"
      ? printObjects([{ resource, object: scaled }], { format, isSingle: true })
      : `${shownName(resource, name)} scaled${dryRunSuffix(dryRun)}\n`,
  );
  if (flags.timeout > 0 && dryRun === "none") await awaitReplicas(session, chosen, flags);
}

function checkConditions(scaleObject: KubeObject, flags: ScaleFlags): void {
  const { currentReplicas, resourceVersion } = flags;
  const current = numberAt(scaleObject, "spec", "replicas") ?? 0;
  if (currentReplicas >= 0 && current !== currentReplicas) {
    throw new CommandError(`Expected replicas to be ${currentReplicas}, was ${current}`);
  }
  const version = scaleObject.metadata.resourceVersion;
  if (resourceVersion !== undefined && version !== resourceVersion) {
    throw new CommandError(
      `Expected resource version to be ${resourceVersion}, was ${version ?? "unknown"}`,
    );
  }
}

function withReplicas(scaleObject: KubeObject, replicas: number): KubeObject {
  const spec = "spec" in scaleObject && isTree(scaleObject.spec) ? scaleObject.spec : {};
  // A Scale keeps its form: only the number in its spec is another.
  return { ...scaleObject, spec: { ...spec, replicas } } as KubeObject;
}

async function awaitReplicas(
  session: Session,
  { resource, namespace, name }: ChosenObject,
  { replicas = 0, timeout }: ScaleFlags,
): Promise<void> {
  const limit = deadline(session.clock, { ms: timeout, signal: session.signal });
  const key = { ...keyIn(namespace, { resource, name }), signal: limit.signal };
  try {
    for await (const object of followObject(session, resource, key)) {
      if (!object) throw new CommandError(`${shownName(resource, name)} has been deleted`);
      const observed = numberAt(object, "status", "observedGeneration") ?? 0;
      const count = numberAt(object, "status", "replicas") ?? 0;
      if (observed >= (object.metadata.generation ?? 0) && count === replicas) return;
    }
  } catch (error) {
    if (!limit.hasPassed()) throw error;
    throw new CommandError(`timed out waiting for ${shownName(resource, name)} to be scaled`);
  } finally {
    limit.cancel();
  }
}

function numberAt(object: KubeObject, part: "spec" | "status", field: string): number | undefined {
  const fields: unknown = isTree(object) ? object[part] : undefined;
  const value = isTree(fields) ? fields[field] : undefined;
  return typeof value === "number" ? value : undefined;
}

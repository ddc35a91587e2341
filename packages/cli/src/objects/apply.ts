/** `sagong apply`: makes the cluster what manifests say. */
import { isApiError, type Schema } from "@sagong/orchestrator/api";
import { ConnectionError, loadSchema } from "@sagong/orchestrator/client";
import type { Io } from "../terminal.js";
import { type Applied, applyManifest, applyOnServer } from "./apply/apply-manifest.js";
import { type ManifestTarget, manifestTarget } from "./manifests/manifest-targets.js";
import { readManifests } from "./manifests/read-manifests.js";
import { type OutputFormat, parseResultFormat } from "./output/output-format.js";
import { type FoundObject, printObjects } from "./output/print-objects.js";
import { addSwitch, collect } from "./session/arguments.js";
import { dryRunSuffix, parseDryRun } from "./session/dry-run.js";
import { shownName } from "./session/discovery.js";
import { CommandError, throwAll } from "./session/errors.js";
import { runObjectCommand, type Session } from "./session/session.js";

interface ApplyFlags {
  readonly filename?: readonly string[];
  readonly recursive: boolean;
  readonly output?: string;
  readonly dryRun: string;
  readonly serverSide: boolean;
  readonly forceConflicts: boolean;
  readonly fieldManager?: string;
  readonly validate: string;
  readonly showManagedFields: boolean;
}

const VALIDATIONS: Readonly<Record<string, "Strict" | "Warn" | "Ignore">> = {
  strict: "Strict",
  true: "Strict",
  warn: "Warn",
  ignore: "Ignore",
  false: "Ignore",
};
/** kubectl's: a manager of another name would own the fields that kubectl later wants to migrate. */
const CLIENT_SIDE_MANAGER = "kubectl-client-side-apply";
const SERVER_SIDE_MANAGER = "kubectl";

export function applyCommand(args: readonly string[], io: Io): Promise<number> {
  return runObjectCommand<ApplyFlags>(
    {
      name: "apply",
      description:
        "Make objects what their manifests say: create what is not there, change what differs, and remove what a manifest no longer says.",
      usage: "-f FILE [flags]",
      examples: [
        "sagong apply -f web.yaml",
        "sagong apply -f manifests/ -R",
        "cat web.yaml | sagong apply -f - -n staging",
        "sagong apply -f web.yaml --dry-run=server -o yaml",
      ],
      optionals: { "--dry-run": "client", "--validate": "strict" },
      declare: (program) => {
        program
          .option("-f, --filename <file>", "files, folders or - (stdin)", collect)
          .option("-o, --output <format>", "json, yaml, name or jsonpath=<template>")
          .option("--dry-run <where>", "none, client or server", "none")
          .option("--field-manager <name>", "whose changes these are")
          .option("--validate <how>", "what unknown fields are: strict, warn or ignore", "strict");
        addSwitch(program, "-R, --recursive", "folders with all folders in them");
        addSwitch(program, "--server-side", "let the server merge");
        addSwitch(program, "--force-conflicts", "with --server-side: take fields from others");
        return addSwitch(program, "--show-managed-fields", "keep managedFields in json and yaml");
      },
      check,
      run: (session, _words, flags) => apply(session, flags),
    },
    args,
    io,
  );
}

function check(words: readonly string[], flags: ApplyFlags): void {
  if (words.length > 0) throw new CommandError(`Unexpected args: [${words.join(" ")}]`);
  if (!flags.filename) throw new CommandError("must specify -f with a file, a folder or -");
  if (!(flags.validate in VALIDATIONS)) {
    throw new CommandError(
      `invalid validation level (${flags.validate}). Must be "strict", "warn", or "ignore"`,
    );
  }
  if (flags.forceConflicts && !flags.serverSide) {
    throw new CommandError("--force-conflicts only works with --server-side");
  }
  if (flags.serverSide && parseDryRun(flags.dryRun) === "client") {
    throw new CommandError(
      "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)",
    );
  }
  parseResultFormat(flags.output);
  parseDryRun(flags.dryRun);
}

/** What can be applied is; what cannot is told at the end. */
async function apply(session: Session, flags: ApplyFlags): Promise<void> {
  const { filename: files = [], recursive } = flags;
  const { manifests, errors: unread } = await readManifests({ files, recursive }, session.io);
  if (manifests.length === 0 && unread.length === 0) {
    throw new CommandError("no objects passed to apply");
  }
  const errors: unknown[] = [...unread];
  const format = parseResultFormat(flags.output);
  const dryRun = parseDryRun(flags.dryRun);
  const schema = loadSchema();
  const done: FoundObject[] = [];
  for (const manifest of manifests) {
    try {
      const target = manifestTarget(manifest, session);
      const applied = await applyOne(session, target, { flags, schema });
      done.push({ resource: target.resource, object: applied.object });
      if (!format) {
        const name = shownName(target.resource, target.name);
        session.io.out(`${name} ${applied.outcome}${dryRunSuffix(dryRun)}\n`);
      } else if (format.kind === "name") session.io.out(printed(done.slice(-1), format, flags));
    } catch (error) {
      if (error instanceof ConnectionError) throw error;
      if (!isApiError(error) && !(error instanceof CommandError)) throw error;
      errors.push(error);
    }
  }
  if (format && format.kind !== "name" && done.length > 0) {
    session.io.out(printed(done, format, flags));
  }
  throwAll(errors);
}

function applyOne(
  session: Session,
  target: ManifestTarget,
  { flags, schema }: { readonly flags: ApplyFlags; readonly schema: Schema },
): Promise<Applied> {
  const { serverSide, forceConflicts, fieldManager, validate } = flags;
  const options = {
    dryRun: parseDryRun(flags.dryRun),
    fieldManager: fieldManager ?? (serverSide ? SERVER_SIDE_MANAGER : CLIENT_SIDE_MANAGER),
    fieldValidation: VALIDATIONS[validate] ?? "Strict",
  };
  return serverSide
    ? applyOnServer(session, target, { ...options, forceConflicts })
    : applyManifest(session, target, { ...options, schema });
}

function printed(
  found: readonly FoundObject[],
  format: OutputFormat,
  { showManagedFields }: ApplyFlags,
): string {
  if (format.kind === "table") return "";
  return printObjects(found, { format, isSingle: true, showManagedFields });
}

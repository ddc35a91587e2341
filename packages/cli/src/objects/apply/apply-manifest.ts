/** One manifest applied: created, changed by the least patch, or left alone. */
import {
  isApiError,
  type KubeObject,
  mergePatch,
  type Schema,
  strategicMergePatch,
} from "@sagong/orchestrator/api";
import type { ManifestTarget } from "../manifests/manifest-targets.js";
import type { WriteCall } from "../session/api-calls.js";
import type { DryRun } from "../session/dry-run.js";
import { CommandError, withContext } from "../session/errors.js";
import { keyIn } from "../session/resource-arguments.js";
import type { Session } from "../session/session.js";
import { LAST_APPLIED, lastApplied, withLastApplied } from "./last-applied.js";
import { threeWayPatch } from "./three-way-patch.js";

export interface ApplyOptions {
  readonly schema: Schema;
  readonly dryRun: DryRun;
  readonly fieldManager: string;
  readonly fieldValidation: "Strict" | "Warn" | "Ignore";
}

export interface ServerSideOptions extends Omit<ApplyOptions, "schema"> {
  readonly forceConflicts: boolean;
}

export interface Applied {
  readonly outcome: "created" | "configured" | "unchanged" | "serverside-applied";
  /** As it is now; with a dry run, as it would be. */
  readonly object: KubeObject;
}

/** Another writer may come between reading and patching so often; then we give up. */
const MAX_ATTEMPTS = 5;

/** Rejects with what the server refuses, told with the file's name. */
export async function applyManifest(
  session: Session,
  target: ManifestTarget,
  options: ApplyOptions,
): Promise<Applied> {
  checkName(target);
  for (let attempt = 1; ; attempt++) {
    const current = await existing(session, target);
    if (!current) return create(session, target, options);
    try {
      return await change(session, { target, current }, options);
    } catch (error) {
      if (!isApiError(error, "Conflict") || attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}

/** The server merges: what is not there yet on a server is its refusal. */
export async function applyOnServer(
  { calls }: Session,
  target: ManifestTarget,
  options: ServerSideOptions,
): Promise<Applied> {
  checkName(target);
  const { resource, object, source } = target;
  const { metadata, ...rest } = object;
  const { managedFields: _managedFields, ...meta } = metadata;
  const call = { ...writeCall(options), type: "apply" as const, force: options.forceConflicts };
  try {
    const patched = await calls.patch(resource, keyOfTarget(target), {
      ...call,
      patch: { ...rest, metadata: meta },
    });
    return { outcome: "serverside-applied", object: patched };
  } catch (error) {
    throw withContext(error, `error when applying "${source}"`);
  }
}

function checkName({ name, object, source }: ManifestTarget): void {
  if (object.metadata.generateName !== undefined && name === "") {
    throw new CommandError(`from ${source}: cannot use generate name with apply`);
  }
  if (name === "") throw new CommandError(`from ${source}: resource name may not be empty`);
}

function keyOfTarget({ resource, namespace, name }: ManifestTarget) {
  return keyIn(namespace, { resource, name });
}

function writeCall({
  fieldManager,
  fieldValidation,
  dryRun,
}: Omit<ApplyOptions, "schema">): WriteCall {
  return { fieldManager, fieldValidation, dryRun: dryRun === "server" };
}

async function existing(
  { calls }: Session,
  target: ManifestTarget,
): Promise<KubeObject | undefined> {
  try {
    return await calls.get(target.resource, keyOfTarget(target));
  } catch (error) {
    if (isApiError(error, "NotFound")) return undefined;
    throw withContext(error, `error when retrieving "${target.name}" of "${target.source}"`);
  }
}

async function create(
  { calls }: Session,
  { resource, object, source }: ManifestTarget,
  options: ApplyOptions,
): Promise<Applied> {
  const recorded = withLastApplied(object);
  if (options.dryRun === "client") return { outcome: "created", object: recorded };
  try {
    return {
      outcome: "created",
      object: await calls.create(resource, recorded, writeCall(options)),
    };
  } catch (error) {
    throw withContext(error, `error when creating "${source}"`);
  }
}

async function change(
  { calls, io }: Session,
  { target, current }: { readonly target: ManifestTarget; readonly current: KubeObject },
  options: ApplyOptions,
): Promise<Applied> {
  const { resource, object, source, name } = target;
  if (current.metadata.annotations?.[LAST_APPLIED] === undefined) {
    io.err(
      `Warning: resource ${resource.resource}/${name} is missing the ${LAST_APPLIED} annotation which is required by apply: it was not made by apply, and fields that its manifest leaves out stay as they are. The missing annotation will be patched automatically.\n`,
    );
  }
  const modified = withLastApplied(object);
  const versions = { original: lastApplied(current), modified, current };
  const typeName = options.schema.typeNameOf(resource);
  const { schema } = options;
  const patch = threeWayPatch(versions, typeName === undefined ? undefined : { schema, typeName });
  if (!patch) return { outcome: "unchanged", object: current };
  if (options.dryRun === "client") {
    const merged =
      typeName === undefined
        ? mergePatch(current, patch)
        : strategicMergePatch(schema, typeName, { document: current, patch });
    return { outcome: "configured", object: merged as KubeObject }; // A patch of an object is one.
  }
  try {
    const patched = await calls.patch(resource, keyOfTarget(target), {
      ...writeCall(options),
      type: typeName === undefined ? "merge" : "strategic-merge",
      patch,
    });
    const { resourceVersion } = patched.metadata;
    const isSame =
      resourceVersion === current.metadata.resourceVersion && options.dryRun === "none";
    return { outcome: isSame ? "unchanged" : "configured", object: patched };
  } catch (error) {
    throw withContext(error, `error when patching "${source}"`);
  }
}

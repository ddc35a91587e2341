/** DELETE of one object, or of all that a selector matches. */
import { badRequest, invalidOptions, isApiError } from "../api/api-status.js";
import type { KubeObject } from "../api/resource.js";
import { Faults } from "../api/validation/faults.js";
import type { DeleteQuery } from "../registry/registry.js";
import { answerList, answerObject, answerValue } from "./answer.js";
import { bodyOf, checkDryRun, keyOfCall, listQuery, type ResourceCall } from "./call.js";
import { type ExpectedKind, decodeBody } from "./read-body.js";
import type { RequestUrl } from "./request-info.js";

export async function handleDelete(call: ResourceCall): Promise<void> {
  const { resource, server } = call;
  const key = keyOfCall(call);
  const object = await server.registry.delete(resource, key, await deleteQuery(call));
  const { deletionTimestamp, finalizers = [], deletionGracePeriodSeconds = 0 } = object.metadata;
  const isWaiting = finalizers.length > 0 || deletionGracePeriodSeconds > 0;
  if (deletionTimestamp !== undefined && isWaiting) return answerObject(call, object);
  answerValue(call, {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: {
      name: key.name,
      ...(resource.group === "" ? {} : { group: resource.group }),
      kind: resource.resource,
      uid: object.metadata.uid,
    },
  });
}

/** Answers with the list of what it deleted, as it was. */
export async function handleDeleteCollection(call: ResourceCall): Promise<void> {
  const { resource, server } = call;
  const query = await deleteQuery(call);
  const list = await server.registry.list(resource, {
    ...listQuery(call),
    resourceVersion: undefined,
  });
  for (const { metadata } of list.items) {
    if (call.signal.aborted) break;
    const key = { namespace: metadata.namespace, name: metadata.name ?? "" };
    try {
      await server.registry.delete(resource, key, query);
    } catch (error) {
      // Another was faster: it is gone all the same.
      if (!isApiError(error, "NotFound")) throw error;
    }
  }
  answerList(call, list);
}

/** meta/v1 DeleteOptions: a body, or the query where there is none. */
interface DeleteOptions extends KubeObject {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: string;
  readonly orphanDependents?: boolean;
  readonly dryRun?: readonly string[];
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

const EXPECTED: ExpectedKind = { group: "", version: "v1", kind: "DeleteOptions" };

async function deleteQuery(call: ResourceCall): Promise<DeleteQuery> {
  const body = await bodyOf(call);
  const options = body.length === 0 ? queryOptions(call.url) : bodyOptions(call, body);
  const { gracePeriodSeconds, propagationPolicy, orphanDependents, dryRun = [] } = options;
  const faults = new Faults();
  if (orphanDependents !== undefined && propagationPolicy !== undefined) {
    faults.invalid(
      "propagationPolicy",
      propagationPolicy,
      "orphanDependents and deletionPropagation cannot be both set",
    );
  }
  if (propagationPolicy !== undefined && !POLICIES.includes(propagationPolicy))
    faults.notSupported("propagationPolicy", propagationPolicy, [...POLICIES, "nil"]);
  checkDryRun(dryRun, faults);
  if (faults.causes.length > 0) throw invalidOptions("DeleteOptions", faults.causes);
  const policyOfOrphans = orphanDependents ? "Orphan" : "Background";
  return {
    gracePeriodSeconds,
    propagationPolicy:
      propagationPolicy ?? (orphanDependents === undefined ? undefined : policyOfOrphans),
    uid: options.preconditions?.uid,
    resourceVersion: options.preconditions?.resourceVersion,
    dryRun: dryRun.length > 0,
  };
}

const POLICIES = ["Foreground", "Background", "Orphan"];

function bodyOptions(call: ResourceCall, body: Buffer): DeleteOptions {
  const { object } = decodeBody(body, {
    schema: call.server.schema,
    contentType: call.request.headers["content-type"],
    fieldValidation: "Ignore",
    expected: EXPECTED,
  });
  return object as DeleteOptions; // Decoded against that kind.
}

function queryOptions({ searchParams }: RequestUrl): DeleteOptions {
  const text = (name: string): string | undefined => searchParams.get(name) || undefined;
  const grace = text("gracePeriodSeconds");
  if (grace !== undefined && !/^-?\d+$/.test(grace))
    throw badRequest(`gracePeriodSeconds: Invalid value: "${grace}": expected a whole number`);
  const propagationPolicy = text("propagationPolicy");
  return {
    metadata: {},
    ...(grace === undefined ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    dryRun: searchParams.getAll("dryRun").filter((value) => value !== ""),
  };
}

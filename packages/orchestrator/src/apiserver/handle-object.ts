/** One object: read, created, replaced; and the list of many. */
import { badRequest } from "../api/api-status.js";
import { answerList, answerObject } from "./answer.js";
import { keyOfCall, listQuery, objectOf, placed, type ResourceCall, writeOptions } from "./call.js";
import { sendWarnings } from "./http-exchange.js";

export async function handleGet(call: ResourceCall): Promise<void> {
  answerObject(call, await call.server.registry.get(call.resource, keyOfCall(call)));
}

export async function handleList(call: ResourceCall): Promise<void> {
  answerList(call, await call.server.registry.list(call.resource, listQuery(call)));
}

export async function handleCreate(call: ResourceCall): Promise<void> {
  const { resource, server } = call;
  const options = writeOptions(call, "CreateOptions");
  const { object, warnings } = await objectOf(call, resource, options);
  const { dryRun } = options;
  const created = await server.registry.create(resource, placed(call, object), { dryRun });
  sendWarnings(call.response, warnings);
  answerObject(call, created, 201);
}

export async function handleUpdate(
  call: ResourceCall,
  subresource: "status" | undefined,
): Promise<void> {
  const { resource, server } = call;
  const key = keyOfCall(call);
  const options = writeOptions(call, "UpdateOptions");
  const { object, warnings } = await objectOf(call, resource, options);
  const { name = "" } = object.metadata;
  if (name !== key.name) {
    throw badRequest(
      `the name of the object (${name}) does not match the name on the URL (${key.name})`,
    );
  }
  const { dryRun } = options;
  const updated = await server.registry.update(resource, placed(call, object), {
    dryRun,
    subresource,
  });
  sendWarnings(call.response, warnings);
  answerObject(call, updated);
}

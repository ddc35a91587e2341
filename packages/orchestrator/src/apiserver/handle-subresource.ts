/** Subresources: status, scale, binding, eviction, finalize, log. */
import { ApiError, methodNotAllowed, notServed, qualifiedResource } from "../api/api-status.js";
import { timeText } from "../api/meta/time-text.js";
import type { KubeObject } from "../api/resource.js";
import type { ServedSubresource } from "../api/schema/served.js";
import { bindPod, evictPod, scaleOf, withFinalizers, withScale } from "../registry/subresources.js";
import { answerObject, answerValue } from "./answer.js";
import { keyOfCall, objectOf, type ResourceCall, writeOptions } from "./call.js";
import { handlePatch, readPatch } from "./handle-patch.js";
import { handleGet, handleUpdate } from "./handle-object.js";
import { sendWarnings } from "./http-exchange.js";
import { sendPodLog } from "./pod-log.js";

/** Known to Kubernetes; clients are told that they are missing here, rather than that they erred. */
const NOT_YET = ["exec", "attach", "portforward", "proxy", "ephemeralcontainers", "resize"];

const SUCCESS = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };

export async function handleSubresource(call: ResourceCall, name: string): Promise<void> {
  const { resource, request } = call;
  const served = resource.subresources.find((one) => one.name === name);
  if (!served) throw notThere(call, name);
  switch (`${name} ${request.method}`) {
    case "log GET":
      return sendPodLog(call, keyOfCall(call), call.server);
    case "status GET":
      return handleGet(call);
    case "status PUT":
      return handleUpdate(call, "status");
    case "status PATCH":
      return handlePatch(call, "status");
    case "scale GET":
      return answerValue(call, scaleOf(await call.server.registry.get(resource, keyOfCall(call))));
    case "scale PUT":
      return putScale(call, served);
    case "scale PATCH":
      return patchScale(call, served);
    case "binding POST":
    case "eviction POST":
      return placeOrEvict(call, served);
    case "finalize PUT":
      return finalize(call, served);
    default:
      throw methodNotAllowed();
  }
}

function notThere({ resource }: ResourceCall, name: string): ApiError {
  if (!NOT_YET.includes(name)) return notServed();
  const path = `${qualifiedResource(resource)}/${name}`;
  return new ApiError("NotImplemented", `${path} is not implemented yet`);
}

async function placeOrEvict(call: ResourceCall, served: ServedSubresource): Promise<void> {
  const { resource, server } = call;
  const options = writeOptions(call, "CreateOptions");
  const { object: body, warnings } = await objectOf(call, served, options);
  const asked = { key: keyOfCall(call), body, dryRun: options.dryRun };
  if (served.name === "eviction") await evictPod(server.registry, resource, asked);
  else
    await bindPod(server.registry, resource, {
      ...asked,
      nowText: timeText(server.clock.wallMs()),
    });
  sendWarnings(call.response, warnings);
  answerValue(call, SUCCESS, 201);
}

async function finalize(call: ResourceCall, served: ServedSubresource): Promise<void> {
  const { resource, server } = call;
  const options = writeOptions(call, "UpdateOptions");
  const { object: body, warnings } = await objectOf(call, served, options);
  const change = (before: KubeObject): KubeObject => withFinalizers(before, body);
  const { dryRun } = options;
  const more = { subresource: "finalize", dryRun };
  const done = await server.registry.change(resource, keyOfCall(call), change, more);
  sendWarnings(call.response, warnings);
  answerObject(call, done);
}

async function putScale(call: ResourceCall, served: ServedSubresource): Promise<void> {
  const { resource, server } = call;
  const options = writeOptions(call, "UpdateOptions");
  const { object: scale, warnings } = await objectOf(call, served, options);
  const change = (before: KubeObject): KubeObject => withScale(before, scale);
  const done = await server.registry.change(resource, keyOfCall(call), change, options);
  sendWarnings(call.response, warnings);
  answerValue(call, scaleOf(done));
}

async function patchScale(call: ResourceCall, served: ServedSubresource): Promise<void> {
  const { resource, server } = call;
  const { group, version, kind } = served;
  const patch = await readPatch(call, { group, version, kind });
  const change = (before: KubeObject): KubeObject =>
    withScale(before, patch.apply(scaleOf(before)));
  const done = await server.registry.change(resource, keyOfCall(call), change, patch.options);
  sendWarnings(call.response, patch.warnings());
  answerValue(call, scaleOf(done));
}

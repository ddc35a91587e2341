/** pods/log: fetched from the agent of the pod's node, as it comes. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { errorText } from "@sagong/base";
import type { HttpRequest, HttpResponse } from "@sagong/rpc";
import { ApiError, badRequest } from "../api/api-status.js";
import type { Node, Pod } from "../api/gen/core-v1.js";
import type { ObjectKey } from "../api/resource.js";
import type { Registry } from "../registry/registry.js";
import type { ApiServerDependencies } from "./http-exchange.js";
import { readBody } from "./read-body.js";
import type { RequestUrl } from "./request-info.js";

export interface LogCall {
  readonly url: RequestUrl;
  readonly request: HttpRequest;
  readonly response: HttpResponse;
}

export async function sendPodLog(
  { url, request, response }: LogCall,
  key: ObjectKey,
  { registry, nodeClient }: ApiServerDependencies,
): Promise<void> {
  const pods = registry.find("", "v1", "pods");
  if (!pods) throw new ApiError("InternalError", "pods are not served");
  const pod = (await registry.get(pods, key)) as Pod; // Of that resource.
  const container = containerOf(pod, key, url.searchParams.get("container") ?? undefined);
  if (!pod.spec?.nodeName) {
    // Nothing has been said yet: no error, so that `kubectl logs` of a deployment is none.
    response.statusCode = 204;
    response.end();
    return;
  }
  const { host, port } = await agentOf(registry, pod.spec.nodeName);
  const names = [key.namespace ?? "", key.name, container];
  const path = `/containerLogs/${names.map(encodeURIComponent).join("/")}${url.search}`;
  const { ca, cert, key: privateKey } = nodeClient;
  const upstream = httpsRequest({ host, port, path, ca, cert, key: privateKey });
  const stop = (): void => void upstream.destroy();
  if (request.signal.aborted) stop();
  request.signal.addEventListener("abort", stop);
  upstream.end();
  let answer: IncomingMessage;
  try {
    [answer] = (await once(upstream, "response")) as [IncomingMessage]; // node:http's event.
  } catch (error) {
    throw new ApiError(
      "InternalError",
      `Get "https://${host}:${port}${path}": ${errorText(error)}`,
    );
  }
  if (answer.statusCode !== 200) throw badRequest((await readBody(answer)).toString("utf8"));
  response.setHeader("content-type", "text/plain");
  response.statusCode = 200;
  await copy(answer, response);
}

/** As it comes, and no faster than the client reads. */
async function copy(answer: IncomingMessage, response: HttpResponse): Promise<void> {
  response.flushHeaders(); // Of a log that is followed, and that may have no lines for long.
  try {
    for await (const part of answer) {
      // Of a stream that nobody gave an encoding.
      if (!response.write(part as Buffer)) await response.drained();
    }
  } catch {
    return response.destroy(); // Either side left: what came is not the whole log.
  }
  response.end();
}

function containerOf(pod: Pod, key: ObjectKey, asked: string | undefined): string {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const names = [...containers, ...initContainers].map(({ name }) => name);
  const container = asked ?? (names.length === 1 ? names[0] : undefined);
  if (container === undefined) {
    throw badRequest(
      `a container name must be specified for pod ${key.name}, choose one of: [${names.join(" ")}]`,
    );
  }
  if (!names.includes(container))
    throw badRequest(`container ${container} is not valid for pod ${key.name}`);
  return container;
}

async function agentOf(
  registry: Registry,
  nodeName: string,
): Promise<{ readonly host: string; readonly port: number }> {
  const nodes = registry.find("", "v1", "nodes");
  if (!nodes) throw new ApiError("InternalError", "nodes are not served");
  const { status } = (await registry.get(nodes, { name: nodeName })) as Node; // Of that resource.
  const host = status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
  const port = status?.daemonEndpoints?.kubeletEndpoint?.Port;
  if (host && port) return { host, port };
  throw new ApiError("ServiceUnavailable", `node ${nodeName} has no address of an agent`);
}

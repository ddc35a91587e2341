/** Which containers' logs are meant: of a pod, of the pods behind a workload, of selected pods. */
import {
  isTree,
  type KubeObject,
  type LabelSelector,
  type Pod,
  PODS,
  selectorText,
} from "@sagong/orchestrator/api";
import { type ServerResource, shownName } from "../session/discovery.js";
import { CommandError } from "../session/errors.js";
import { keyIn, parseTargets, type Target } from "../session/resource-arguments.js";
import type { Session } from "../session/session.js";

export interface LogChoice {
  readonly words: readonly string[];
  readonly selector: string | undefined;
  readonly container: string | undefined;
  readonly allContainers: boolean;
  readonly allPods: boolean;
}

export interface LogSource {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** The annotation by which a pod says whose log is its log. */
const DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container";

/** Throws `CommandError` where nothing is found; notes on what was picked go to standard error. */
export async function findLogSources(
  session: Session,
  choice: LogChoice,
): Promise<readonly LogSource[]> {
  const pods = await findPods(session, choice);
  return pods.flatMap((pod) => containersOf(session, pod, choice));
}

async function findPods(session: Session, choice: LogChoice): Promise<readonly Pod[]> {
  const { calls, io, namespace } = session;
  const { words, selector } = choice;
  if (selector !== undefined) {
    const { items } = await calls.list(PODS, { namespace, labelSelector: selector });
    if (items.length === 0) io.err(`No resources found in ${namespace} namespace.\n`);
    return items as readonly Pod[]; // Of that resource.
  }
  const target = targetOf(session, words);
  const { resource, name = "" } = target;
  const object = await calls.get(resource, keyIn(namespace, { resource, name }));
  if (resource.group === "" && resource.resource === "pods") return [object as Pod]; // As just asked.
  const pods = await podsBehind(session, resource, object);
  if (choice.allPods) return pods;
  const [first] = pods;
  if (!first) {
    throw new CommandError(`${shownName(resource, name)} has no pods`);
  }
  if (pods.length > 1) {
    io.err(`Found ${pods.length} pods, using pod/${first.metadata.name ?? ""}\n`);
  }
  return [first];
}

/** `POD`, `TYPE/NAME`, or `TYPE NAME` as `get` has it. */
function targetOf({ resources }: Session, words: readonly string[]): Target {
  const [first = "", ...rest] = words;
  const given = first.includes("/") || rest.length > 0 ? words : ["pods", first];
  const [target, ...others] = parseTargets(given, resources, "logs");
  if (target?.name !== undefined && others.length === 0) return target;
  throw new CommandError("expected one pod, or one TYPE/NAME whose pods' log is meant");
}

/** Those that run first, then in the order of their names. */
async function podsBehind(
  { calls }: Session,
  resource: ServerResource,
  object: KubeObject,
): Promise<readonly Pod[]> {
  const labelSelector = selectorOf(object);
  if (labelSelector === undefined) {
    throw new CommandError(
      `cannot get the logs from ${shownName(resource, object.metadata.name ?? "")}: it selects no pods`,
    );
  }
  const { namespace } = object.metadata;
  const { items } = await calls.list(PODS, { namespace, labelSelector });
  const pods = items as readonly Pod[]; // Of that resource.
  const rank = ({ status }: Pod): number => (status?.phase === "Running" ? 0 : 1);
  return pods.toSorted((a, b) => rank(a) - rank(b));
}

/** A selector object of a workload, or the map of labels that a service has. */
function selectorOf(object: KubeObject): string | undefined {
  const spec: unknown = isTree(object) ? object["spec"] : undefined;
  const selector = isTree(spec) ? spec["selector"] : undefined;
  if (!isTree(selector)) return undefined;
  const isObject = "matchLabels" in selector || "matchExpressions" in selector;
  // The two forms that selectors have in the API.
  const text = selectorText((isObject ? selector : { matchLabels: selector }) as LabelSelector);
  return text === "" ? undefined : text;
}

function containersOf(
  { io, namespace }: Session,
  pod: Pod,
  choice: LogChoice,
): readonly LogSource[] {
  const { metadata, spec } = pod;
  const place = { namespace: metadata.namespace ?? namespace, pod: metadata.name ?? "" };
  const containers = (spec?.containers ?? []).map(({ name }) => name);
  const inits = (spec?.initContainers ?? []).map(({ name }) => name);
  const ephemeral = (spec?.ephemeralContainers ?? []).map(({ name }) => name);
  const known = [...inits, ...containers, ...ephemeral];
  if (choice.allContainers) return known.map((container) => ({ ...place, container }));
  if (choice.container !== undefined) {
    if (known.includes(choice.container)) return [{ ...place, container: choice.container }];
    throw new CommandError(`container ${choice.container} is not valid for pod ${place.pod}`);
  }
  const annotated = metadata.annotations?.[DEFAULT_CONTAINER];
  const container =
    annotated !== undefined && known.includes(annotated) ? annotated : containers[0];
  if (container === undefined) throw new CommandError(`pod ${place.pod} has no containers`);
  if (known.length > 1 && container !== annotated) {
    const others = [
      ...containers,
      ...ephemeral.map((name) => `${name} (ephem)`),
      ...inits.map((name) => `${name} (init)`),
    ];
    io.err(`Defaulted container "${container}" out of: ${others.join(", ")}\n`);
  }
  return [{ ...place, container }];
}

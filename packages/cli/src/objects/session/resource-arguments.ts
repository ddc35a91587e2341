/** The words of a command line as objects: `pods`, `pods,svc`, `pod a b`, `pod/a svc/b`, or files. */
import type { ObjectKey } from "@sagong/orchestrator/api";
import type { ResourceMap, ServerResource } from "./discovery.js";
import { CommandError } from "./errors.js";

export interface Target {
  readonly resource: ServerResource;
  /** Left out: all that the selectors choose. */
  readonly name?: string;
}

/** `verb` is what the command is called in hints. Throws `CommandError`. */
export function parseTargets(
  words: readonly string[],
  resources: ResourceMap,
  verb: string,
): readonly Target[] {
  if (words.some((word) => word.includes("/"))) return slashTargets(words, resources, verb);
  const [types = "", ...names] = words;
  const found = types
    .split(",")
    .filter((type) => type !== "")
    .flatMap((type) => resources.findAll(type));
  if (found.length === 0) throw new CommandError("Required resource not specified");
  if (names.length === 0) return found.map((resource) => ({ resource }));
  return found.flatMap((resource) => names.map((name) => ({ resource, name })));
}

function slashTargets(
  words: readonly string[],
  resources: ResourceMap,
  verb: string,
): readonly Target[] {
  return words.map((word) => {
    const [type = "", name = "", ...rest] = word.split("/");
    if (!word.includes("/")) {
      throw new CommandError(
        `there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'sagong ${verb} resource/<resource_name>' instead of 'sagong ${verb} resource resource/<resource_name>')`,
      );
    }
    if (type === "" || name === "" || rest.length > 0) {
      throw new CommandError(
        `arguments in resource/name form must have a single resource and name, found "${word}"`,
      );
    }
    return { resource: resources.find(type), name };
  });
}

export function keyIn(
  namespace: string | undefined,
  { resource, name }: { readonly resource: ServerResource; readonly name: string },
): ObjectKey {
  return resource.namespaced ? { namespace, name } : { name };
}

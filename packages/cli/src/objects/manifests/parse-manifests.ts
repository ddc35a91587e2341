/**
 * The text of a manifest file as objects: YAML documents (JSON is YAML), lists unfolded. YAML is
 * read as Kubernetes' tools read it, in the 1.1 sense of `0644`, `yes` and `<<`, but without its
 * times and sixties, which they take as texts. Pure.
 */
import { isTree, type KubeObject } from "@sagong/orchestrator/api";
import { type Document, LineCounter, parseAllDocuments, type Tags } from "yaml";
import { CommandError } from "../session/errors.js";

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly object: KubeObject;
  /** The file as it was named; STDIN. */
  readonly source: string;
}

/** One document, or one item of a list: read, or what is wrong with it. */
export type ParsedManifest = Manifest | CommandError;

/** Documents that hold nothing are passed over. */
export function parseManifests(text: string, source: string): readonly ParsedManifest[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, {
    version: "1.1",
    customTags: withoutTimes,
    lineCounter,
    prettyErrors: false,
  });
  // Without a document at all the library answers with an empty list that has no documents' fields.
  return [...documents].flatMap((document, at) => {
    const place = documents.length > 1 ? `document ${at + 1}, ` : "";
    const [error] = document.errors;
    if (error) {
      const { line, col } = lineCounter.linePos(error.pos[0]);
      return [
        new CommandError(
          `cannot parse ${source}: ${place}line ${line}, column ${col}: ${error.message.replaceAll(/\s+/g, " ")}`,
        ),
      ];
    }
    const { line } = lineCounter.linePos(document.contents?.range?.[0] ?? 0);
    return manifestsOf(document, { source, place: `${place}line ${line}` });
  });
}

interface Place {
  readonly source: string;
  /** `document 2, line 7` */
  readonly place: string;
}

function manifestsOf(document: Document, place: Place): readonly ParsedManifest[] {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [new CommandError(`cannot parse ${place.source}: ${place.place}: ${why}`)];
  }
  if (value === null || value === undefined) return [];
  return unfold(value, place);
}

function unfold(value: unknown, place: Place): readonly ParsedManifest[] {
  const fault = (what: string): readonly CommandError[] => [
    new CommandError(`cannot use ${place.source}: ${place.place}: ${what}`),
  ];
  if (!isTree(value)) return fault("expected an object with apiVersion and kind");
  const { apiVersion, kind, items, metadata = {} } = value;
  for (const [field, found] of Object.entries({ apiVersion, kind })) {
    if (found === undefined || found === null || found === "") return fault(`${field} not set`);
    if (typeof found !== "string") {
      return fault(`${field} is ${JSON.stringify(found)}, expected a string`);
    }
  }
  if (typeof apiVersion !== "string" || typeof kind !== "string") return fault("no type");
  if (kind.endsWith("List") && Array.isArray(items)) {
    return items.flatMap((item: unknown, at) =>
      unfold(isTree(item) ? withKind(item, { apiVersion, kind }) : item, {
        ...place,
        place: `${place.place}, items[${at}]`,
      }),
    );
  }
  if (!isTree(metadata)) return fault("metadata is not a mapping");
  for (const field of ["name", "namespace", "generateName"]) {
    const found = metadata[field];
    if (found !== undefined && found !== null && typeof found !== "string") {
      return fault(`metadata.${field} is ${JSON.stringify(found)}, expected a string`);
    }
  }
  return [{ apiVersion, kind, object: { ...value, metadata }, source: place.source }];
}

/** Items of a typed list (PodList) need not say again what they are. */
function withKind(
  item: Readonly<Record<string, unknown>>,
  list: { readonly apiVersion: string; readonly kind: string },
): Readonly<Record<string, unknown>> {
  if (list.kind === "List") return item;
  return { apiVersion: list.apiVersion, kind: list.kind.slice(0, -"List".length), ...item };
}

/** Against documents that unfold to gigabytes by naming each other ("billion laughs"). */
const MAX_ALIASES = 1_000;

function withoutTimes(tags: Tags): Tags {
  return tags.filter(
    (tag) =>
      typeof tag === "string" ||
      (tag.format !== "TIME" && tag.tag !== "tag:yaml.org,2002:timestamp"),
  );
}

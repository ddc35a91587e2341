/**
 * The annotation in which `apply` records the manifest that it applied, byte for byte as kubectl
 * writes it, so that both may take turns on one object.
 */
import { isTree, type KubeObject } from "@sagong/orchestrator/api";
import { compactJson } from "../output/json-text.js";
import { CommandError } from "../session/errors.js";

export const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** The manifest with the record of itself. */
export function withLastApplied(manifest: KubeObject): KubeObject {
  const { [LAST_APPLIED]: _former, ...annotations } = manifest.metadata.annotations ?? {};
  const bare = { ...manifest, metadata: { ...manifest.metadata, annotations } };
  const record = `${compactJson(bare)}\n`;
  return {
    ...manifest,
    metadata: { ...manifest.metadata, annotations: { ...annotations, [LAST_APPLIED]: record } },
  };
}

/** What was applied last; undefined where nothing ever was. Throws `CommandError` where it is broken. */
export function lastApplied(object: KubeObject): unknown {
  const text = object.metadata.annotations?.[LAST_APPLIED];
  if (text === undefined || text === "") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (isTree(value)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new CommandError(
    `cannot read what was applied last to ${object.metadata.name ?? ""}: annotation ${LAST_APPLIED} is not a JSON object`,
  );
}

import { readFileSync } from "node:fs";
import { Schema, type SchemaFacts } from "./api/schema/schema.js";

/** The schema that ships with this package; the same path from `src` and from `dist`. */
export function loadSchema(): Schema {
  const path = new URL("../schema/kubernetes-1.35.json", import.meta.url);
  return new Schema(JSON.parse(readFileSync(path, "utf8")) as SchemaFacts); // A file of ours.
}

/** One list cut into messages of bounded size. */
import type { ObjectList } from "../api/resource.js";
import { ListObjectsPart } from "../gen/object.js";
import { toJsonBytes } from "./json-bytes.js";

/** Of one part. The object that passes it still goes in: a part has at least one. */
const PART_BYTES = 1024 * 1024;

/** At least one part; the last one has the list's head. */
export function* listParts({ items, ...head }: ObjectList): Generator<ListObjectsPart> {
  let part: Uint8Array[] = [];
  let bytes = 0;
  for (const item of items) {
    const encoded = toJsonBytes(item);
    part.push(encoded);
    bytes += encoded.length;
    if (bytes < PART_BYTES) continue;
    yield ListObjectsPart.create({ items: part });
    part = [];
    bytes = 0;
  }
  yield ListObjectsPart.create({ items: part, head: toJsonBytes(head) });
}

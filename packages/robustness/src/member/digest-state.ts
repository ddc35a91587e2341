/**
 * What a member has applied, in 64 bits: all versions that are kept with their bytes and revisions
 * (as HashKV has them), the revisions, leases with their keys, and the members' attributes. How the
 * database lays it out is not in it: clean-up goes its own pace on every member.
 */
import type { OpenState } from "@sagong/kv/parts";
import { Digest } from "../world/digest.js";
import type { AppliedDigest } from "./simulated-member.js";

/** Undefined while an image takes the state's place, and nothing can be read. */
export function digestState({
  store,
  lessor,
  membership,
  machine,
}: OpenState): AppliedDigest | undefined {
  if (machine.replacement) return undefined;
  const digest = new Digest();
  const steps = store.hash(0);
  let step = steps.next();
  while (!step.done) step = steps.next();
  digest.word(step.value.hash);
  digest.number(store.revision);
  digest.number(store.compactRevision);
  digest.number(store.index.size);
  for (const { id, ttlSeconds, keys } of lessor.all()) {
    digest.text(`${id} ${ttlSeconds}`);
    for (const key of [...keys].toSorted()) digest.text(key);
  }
  for (const { id, name, clientUrls } of membership.list()) {
    digest.text(`${id} ${name} ${clientUrls.join(" ")}`);
  }
  return { index: machine.appliedIndex, digest: digest.value() };
}

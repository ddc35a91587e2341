/** Metadata of every kind: names, labels, annotations, finalizers, and what may not change. */
import type { ObjectMeta } from "../gen/meta-v1.js";
import {
  dnsLabelFault,
  dnsSubdomainFault,
  labelValueFault,
  qualifiedNameFault,
} from "../meta/names.js";
import type { Faults } from "./faults.js";

/** All annotations of one object together (apimachinery: 256 KiB). */
const MAX_ANNOTATION_BYTES = 256 * 1024;

export interface MetaRules {
  readonly namespaced: boolean;
  /** Names that are part of DNS names are labels; the others are subdomains. */
  readonly nameForm: "label" | "subdomain";
}

export function validateMeta(meta: ObjectMeta, faults: Faults, rules: MetaRules): void {
  const { name = "", namespace } = meta;
  if (name === "") faults.required("metadata.name", "name or generateName is required");
  else {
    const fault = rules.nameForm === "label" ? dnsLabelFault(name) : dnsSubdomainFault(name);
    if (fault !== undefined) faults.invalid("metadata.name", name, fault);
  }
  if (rules.namespaced && namespace !== undefined) {
    const fault = dnsLabelFault(namespace);
    if (fault !== undefined) faults.invalid("metadata.namespace", namespace, fault);
  }
  validateLabels(meta.labels, "metadata.labels", faults);
  let bytes = 0;
  for (const [key, value] of Object.entries(meta.annotations ?? {})) {
    const fault = qualifiedNameFault(key.toLowerCase());
    if (fault !== undefined) faults.invalid("metadata.annotations", key, fault);
    bytes += key.length + value.length;
  }
  if (bytes > MAX_ANNOTATION_BYTES) faults.tooLong("metadata.annotations", MAX_ANNOTATION_BYTES);
  for (const finalizer of meta.finalizers ?? []) {
    const fault = qualifiedNameFault(finalizer);
    if (fault !== undefined) faults.invalid("metadata.finalizers", finalizer, fault);
  }
  validateOwners(meta.ownerReferences ?? [], faults);
}

function validateOwners(owners: NonNullable<ObjectMeta["ownerReferences"]>, faults: Faults): void {
  for (const [i, owner] of owners.entries()) {
    for (const field of ["apiVersion", "kind", "name", "uid"] as const) {
      if (owner[field]) continue;
      const what = field === "apiVersion" ? "version" : field;
      faults.invalid(`metadata.ownerReferences[${i}].${field}`, "", `${what} must not be empty`);
    }
  }
  const [first, second] = owners.filter(({ controller }) => controller === true);
  if (!first || !second) return;
  faults.invalid(
    "metadata.ownerReferences",
    owners,
    `Only one reference can have Controller set to true. Found "true" in references for ${first.kind}/${first.name} and ${second.kind}/${second.name}`,
  );
}

export function validateLabels(
  labels: Readonly<Record<string, string>> | undefined,
  field: string,
  faults: Faults,
): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    const keyFault = qualifiedNameFault(key);
    if (keyFault !== undefined) faults.invalid(field, key, keyFault);
    const valueFault = labelValueFault(value);
    if (valueFault !== undefined) faults.invalid(field, value, valueFault);
  }
}

export function validateMetaUpdate(now: ObjectMeta, before: ObjectMeta, faults: Faults): void {
  for (const field of ["name", "namespace", "uid"] as const) {
    if (now[field] !== before[field])
      faults.invalid(`metadata.${field}`, now[field] ?? "", "field is immutable");
  }
  if (before.deletionTimestamp !== undefined) {
    const added = (now.finalizers ?? []).filter((one) => !before.finalizers?.includes(one));
    if (added.length > 0) {
      faults.forbidden(
        "metadata.finalizers",
        `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((one) => JSON.stringify(one)).join(", ")}}`,
      );
    }
  }
}

/** A container's variables: names, and where their values come from. */
import type { EnvVar, EnvVarSource } from "../gen/core-v1.js";
import type { Faults } from "./faults.js";

const NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;
const SOURCES = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef"] as const;
const FIELD_PATHS = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
const SUBSCRIPT = /^metadata\.(labels|annotations)\['[^']+'\]$/;

export function validateEnv(env: readonly EnvVar[], field: string, faults: Faults): void {
  for (const [i, variable] of env.entries()) {
    const at = `${field}[${i}]`;
    if (!variable.name) faults.required(`${at}.name`);
    else if (!NAME.test(variable.name)) {
      const why =
        "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')";
      faults.invalid(`${at}.name`, variable.name, why);
    }
    if (!variable.valueFrom) continue;
    if (variable.value)
      faults.invalid(`${at}.valueFrom`, "", "may not be specified when `value` is not empty");
    validateSource(variable.valueFrom, `${at}.valueFrom`, faults);
  }
}

function validateSource(source: EnvVarSource, at: string, faults: Faults): void {
  const given = Object.values(source).filter((value) => value !== undefined).length;
  if (given === 0) {
    const names = SOURCES.map((name) => `\`${name}\``);
    const last = names.pop();
    faults.invalid(at, "", `must specify one of: ${names.join(", ")} or ${last}`);
  }
  if (given > 1) faults.invalid(at, "", "may not have more than one field specified at a time");
  const path = source.fieldRef?.fieldPath;
  if (source.fieldRef && !path) faults.required(`${at}.fieldRef.fieldPath`);
  else if (path !== undefined && !FIELD_PATHS.includes(path) && !SUBSCRIPT.test(path)) {
    const why = `error converting fieldPath: field label not supported: ${path}`;
    faults.invalid(`${at}.fieldRef.fieldPath`, path, why);
  }
  for (const kind of ["configMapKeyRef", "secretKeyRef"] as const) {
    if (source[kind] && !source[kind].key) faults.required(`${at}.${kind}.key`);
  }
}

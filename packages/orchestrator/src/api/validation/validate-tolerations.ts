/** What taints a pod says it stands (k8s.io/kubernetes ValidateTolerations). */
import type { Toleration } from "../gen/core-v1.js";
import { labelValueFault, qualifiedNameFault } from "../meta/names.js";
import type { Faults } from "./faults.js";

const OPERATORS = ["Equal", "Exists"];
const EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

export function validateTolerations(
  tolerations: readonly Toleration[],
  field: string,
  faults: Faults,
): void {
  for (const [i, toleration] of tolerations.entries())
    validateToleration(toleration, `${field}[${i}]`, faults);
}

function validateToleration(toleration: Toleration, at: string, faults: Faults): void {
  const { key = "", operator = "", value = "", effect = "", tolerationSeconds } = toleration;
  const keyFault = key === "" ? undefined : qualifiedNameFault(key);
  if (keyFault !== undefined) faults.invalid(`${at}.key`, key, keyFault);
  if (key === "" && operator !== "Exists") {
    const why =
      'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    faults.invalid(`${at}.operator`, operator, why);
  }
  if (tolerationSeconds !== undefined && effect !== "NoExecute") {
    const why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
    faults.invalid(`${at}.effect`, effect, why);
  }
  if (operator === "" || operator === "Equal") {
    const fault = labelValueFault(value);
    if (fault !== undefined) faults.invalid(`${at}.operator`, value, fault);
  } else if (operator === "Exists") {
    const why = "value must be empty when `operator` is 'Exists'";
    if (value !== "") faults.invalid(`${at}.operator`, toleration, why);
  } else faults.notSupported(`${at}.operator`, operator, OPERATORS);
  if (effect !== "" && !EFFECTS.includes(effect))
    faults.notSupported(`${at}.effect`, effect, EFFECTS);
}

/** Which taints a pod's tolerations let pass (core/v1, Toleration.ToleratesTaint). Pure. */
import type { Pod, Taint, Toleration } from "./gen/core-v1.js";

export function tolerates({ spec }: Pod, taint: Taint): boolean {
  return (spec?.tolerations ?? []).some((toleration) => matchesTaint(toleration, taint));
}

/** An empty effect or key stands for all of them. */
export function matchesTaint({ key, operator, value, effect }: Toleration, taint: Taint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  if (operator === "Exists") return true;
  // An operator that we do not know tolerates nothing.
  return (!operator || operator === "Equal") && (value ?? "") === (taint.value ?? "");
}

/** Which taints a pod's tolerations let pass (core/v1, Toleration). Pure. */
import type { Pod, Taint, Toleration } from "../../api/gen/core-v1.js";

export function tolerates(pod: Pod, taint: Taint): boolean {
  return (pod.spec?.tolerations ?? []).some((toleration) => matches(toleration, taint));
}

function matches({ key, operator, value, effect }: Toleration, taint: Taint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  // Without a key only Exists makes sense, and means every taint.
  if (operator === "Exists") return true;
  return Boolean(key) && (value ?? "") === (taint.value ?? "");
}

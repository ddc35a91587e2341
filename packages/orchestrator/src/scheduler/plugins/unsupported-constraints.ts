import type { Pod } from "../../api/gen/core-v1.js";
import type { FilterPlugin } from "../framework/plugin.js";

/**
 * Hard constraints that this scheduler does not know yet. Placing such a pod anyway would break a
 * promise that its author relies on, so it waits, and says for what. Only another pod spec helps.
 */
export const unsupportedConstraints: FilterPlugin = {
  name: "UnsupportedConstraints",
  helpedBy: [],
  filter: ({ pod }) => {
    const fields = unsupportedOf(pod);
    if (fields.length === 0) return undefined;
    const reasons = fields.map(
      (field) => `node(s) couldn't be judged: ${field} is not supported by this scheduler yet`,
    );
    return () => ({ reasons, resolvable: false });
  },
};

function unsupportedOf({ spec }: Pod): string[] {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  const hard = "requiredDuringSchedulingIgnoredDuringExecution";
  const fields: string[] = [];
  if (podAffinity?.[hard]?.length) fields.push(`spec.affinity.podAffinity.${hard}`);
  if (podAntiAffinity?.[hard]?.length) fields.push(`spec.affinity.podAntiAffinity.${hard}`);
  const spread = spec?.topologySpreadConstraints ?? [];
  if (spread.some(({ whenUnsatisfiable }) => whenUnsatisfiable === "DoNotSchedule")) {
    fields.push("spec.topologySpreadConstraints with DoNotSchedule");
  }
  return fields;
}

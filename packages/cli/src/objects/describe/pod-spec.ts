/** The parts of a pod's spec that pods and pod templates show alike. Pure. */
import { compareText } from "@sagong/base";
import type { PodTemplateSpec, Toleration, Volume } from "@sagong/orchestrator/api";
import { describeContainers } from "./containers.js";
import { type DescribeText, orNone, sortedEntries } from "./describe-text.js";

export function describePodTemplate(
  text: DescribeText,
  template: PodTemplateSpec | undefined,
): void {
  text.line(0, "Pod Template:");
  if (!template) return text.line(1, "<unset>");
  const { metadata, spec } = template;
  text.labels(1, "Labels", metadata?.labels);
  if (Object.keys(metadata?.annotations ?? {}).length > 0) {
    text.annotations(1, metadata?.annotations);
  }
  if (spec?.serviceAccountName) text.field(1, "Service Account", spec.serviceAccountName);
  const { initContainers = [], containers = [] } = spec ?? {};
  if (initContainers.length > 0) {
    describeContainers(text, { label: "Init Containers", containers: initContainers, level: 1 });
  }
  describeContainers(text, { label: "Containers", containers, level: 1 });
  describeVolumes(text, spec?.volumes, 1);
  if (spec?.priorityClassName) text.field(1, "Priority Class Name", spec.priorityClassName);
  text.labels(1, "Node-Selectors", spec?.nodeSelector);
  describeTolerations(text, spec?.tolerations, 1);
}

export function describeVolumes(
  text: DescribeText,
  volumes: readonly Volume[] | undefined,
  level: 0 | 1,
): void {
  if (!volumes || volumes.length === 0) return text.field(level, "Volumes", "<none>");
  text.line(level, "Volumes:");
  for (const volume of volumes) {
    text.line(1, `${level === 0 ? "" : " "}${volume.name}:`);
    for (const [label, value] of volumeFields(volume)) text.field(2, label, value);
  }
}

function volumeFields(volume: Volume): readonly (readonly [string, string | boolean])[] {
  const { hostPath, emptyDir, secret, configMap, persistentVolumeClaim, projected } = volume;
  if (hostPath) {
    return [
      ["Type", "HostPath (bare host directory volume)"],
      ["Path", hostPath.path],
      ["HostPathType", hostPath.type ?? ""],
    ];
  }
  if (emptyDir) {
    return [
      ["Type", "EmptyDir (a temporary directory that shares a pod's lifetime)"],
      ["Medium", emptyDir.medium ?? ""],
      ["SizeLimit", emptyDir.sizeLimit ?? "<unset>"],
    ];
  }
  if (secret) {
    return [
      ["Type", "Secret (a volume populated by a Secret)"],
      ["SecretName", secret.secretName ?? ""],
      ["Optional", secret.optional ?? false],
    ];
  }
  if (configMap) {
    return [
      ["Type", "ConfigMap (a volume populated by a ConfigMap)"],
      ["Name", configMap.name ?? ""],
      ["Optional", configMap.optional ?? false],
    ];
  }
  if (persistentVolumeClaim) {
    return [
      [
        "Type",
        "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
      ],
      ["ClaimName", persistentVolumeClaim.claimName],
      ["ReadOnly", persistentVolumeClaim.readOnly ?? false],
    ];
  }
  if (projected) {
    return [["Type", "Projected (a volume that contains injected data from multiple sources)"]];
  }
  const [kind = "<unknown>"] = Object.keys(volume).filter((key) => key !== "name");
  return [["Type", kind]];
}

export function describeTolerations(
  text: DescribeText,
  tolerations: readonly Toleration[] | undefined,
  level: number,
): void {
  const sorted = (tolerations ?? []).toSorted(({ key: a = "" }, { key: b = "" }) =>
    compareText(a, b),
  );
  const lines = sorted.map(tolerationText);
  text.field(level, "Tolerations", orNone(lines[0]));
  for (const line of lines.slice(1)) text.line(level, `\t${line}`);
}

function tolerationText(toleration: Toleration): string {
  const { key = "", value = "", effect = "", operator = "", tolerationSeconds } = toleration;
  let line = key;
  if (value !== "") line += `=${value}`;
  if (effect !== "") line += `:${effect}`;
  if (operator === "Exists" && value === "") {
    line += key === "" && effect === "" ? "op=Exists" : " op=Exists";
  }
  return tolerationSeconds === undefined ? line : `${line} for ${tolerationSeconds}s`;
}

/** `a=b,c=d`, in order; `<none>`. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  return orNone(
    sortedEntries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
  );
}

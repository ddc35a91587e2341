/** Validation by resource: on creation, and of what an update may change. */
import type { Deployment, ReplicaSet } from "../gen/apps-v1.js";
import type { ConfigMap, Event, Pod, Secret, Service } from "../gen/core-v1.js";
import type { LabelSelector, StatusCause } from "../gen/meta-v1.js";
import { equalTrees } from "../patch/json-tree.js";
import { matchesLabels } from "../selectors/label-selector.js";
import type { KubeObject } from "../resource.js";
import { Faults } from "./faults.js";
import {
  validateConfigMap,
  validateConfigMapUpdate,
  validateSecret,
  validateSecretUpdate,
} from "./validate-config.js";
import { validateCoreEvent, validateEventUpdate, validateNewEvent } from "./validate-event.js";
import { validateLabels, validateMeta, validateMetaUpdate } from "./validate-meta.js";
import { validatePodSpec } from "./validate-pod-spec.js";
import { validateService, validateServiceUpdate } from "./validate-service.js";
import { validateStrategy } from "./validate-strategy.js";

interface KindRules {
  readonly nameForm?: "label" | "subdomain";
  /** Of every object that is written, new or updated. */
  readonly create?: (object: KubeObject, faults: Faults) => void;
  /** Of new ones besides. */
  readonly createOnly?: (object: KubeObject, faults: Faults) => void;
  readonly update?: (now: KubeObject, before: KubeObject, faults: Faults) => void;
}

/** Rules of one kind as rules of any: the table says which kind each gets. */
function of<T extends KubeObject>(rules: {
  readonly nameForm?: "label" | "subdomain";
  readonly create?: (object: T, faults: Faults) => void;
  readonly createOnly?: (object: T, faults: Faults) => void;
  readonly update?: (now: T, before: T, faults: Faults) => void;
}): KindRules {
  return rules as KindRules; // Looked up by the object's own resource.
}

const RULES: Readonly<Record<string, KindRules>> = {
  pods: of<Pod>({
    create: (pod, faults) => validatePodSpec(pod.spec, "spec", faults),
    update: (now, before, faults) => {
      validateGates(now, before, faults);
      if (!equalTrees(fixedSpec(now), fixedSpec(before))) {
        faults.forbidden(
          "spec",
          "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        );
      }
    },
  }),
  "deployments.apps": of<Deployment>({
    create: (deployment, faults) => {
      validateWorkload(deployment.spec, faults);
      validateStrategy(deployment.spec, faults);
    },
    update: (now, before, faults) =>
      immutableSelector(now.spec?.selector, before.spec?.selector, faults),
  }),
  "replicasets.apps": of<ReplicaSet>({
    create: (replicaSet, faults) => validateWorkload(replicaSet.spec, faults),
    update: (now, before, faults) =>
      immutableSelector(now.spec?.selector, before.spec?.selector, faults),
  }),
  services: of<Service>({
    nameForm: "label",
    create: validateService,
    update: validateServiceUpdate,
  }),
  namespaces: { nameForm: "label" },
  configmaps: of<ConfigMap>({
    create: validateConfigMap,
    update: validateConfigMapUpdate,
  }),
  events: of<Event>({ create: validateCoreEvent }),
  "events.events.k8s.io": of<Event>({
    createOnly: validateNewEvent,
    update: validateEventUpdate,
  }),
  secrets: of<Secret>({ create: validateSecret, update: validateSecretUpdate }),
};

interface ValidatedResource {
  readonly qualified: string;
  readonly namespaced: boolean;
}

export function validateCreate(
  resource: ValidatedResource,
  object: KubeObject,
): readonly StatusCause[] {
  const faults = new Faults();
  validateAlways(resource, object, faults);
  RULES[resource.qualified]?.createOnly?.(object, faults);
  return faults.causes;
}

export function validateUpdate(
  resource: ValidatedResource,
  now: KubeObject,
  before: KubeObject,
): readonly StatusCause[] {
  const faults = new Faults();
  validateMetaUpdate(now.metadata, before.metadata, faults);
  RULES[resource.qualified]?.update?.(now, before, faults);
  validateAlways(resource, now, faults);
  return faults.causes;
}

function validateAlways(resource: ValidatedResource, object: KubeObject, faults: Faults): void {
  const rules = RULES[resource.qualified] ?? {};
  validateMeta(object.metadata, faults, {
    namespaced: resource.namespaced,
    nameForm: rules.nameForm ?? "subdomain",
  });
  rules.create?.(object, faults);
}

const MISMATCH = "`selector` does not match template `labels`";

function validateWorkload(spec: Deployment["spec"] | ReplicaSet["spec"], faults: Faults): void {
  if (!spec) return faults.required("spec");
  if ((spec.replicas ?? 0) < 0)
    faults.invalid("spec.replicas", spec.replicas, "must be greater than or equal to 0");
  const { selector, template } = spec;
  if (!selector) {
    faults.required("spec.selector");
    // A selector that is not there matches nothing.
    faults.invalid("spec.template.metadata.labels", template?.metadata?.labels, MISMATCH);
  } else if (
    Object.keys(selector.matchLabels ?? {}).length === 0 &&
    (selector.matchExpressions ?? []).length === 0
  ) {
    faults.invalid("spec.selector", selector, "empty selector is invalid for deployment");
  } else if (!matchesLabels(selector, template?.metadata?.labels)) {
    faults.invalid("spec.template.metadata.labels", template?.metadata?.labels, MISMATCH);
  }
  validateLabels(template?.metadata?.labels, "spec.template.metadata.labels", faults);
  validatePodSpec(template?.spec ?? { containers: [] }, "spec.template.spec", faults);
  const policy = template?.spec?.restartPolicy;
  if (policy !== undefined && policy !== "Always") {
    faults.notSupported("spec.template.spec.restartPolicy", policy, ["Always"]);
  }
}

function immutableSelector(
  now: LabelSelector | undefined,
  before: LabelSelector | undefined,
  faults: Faults,
): void {
  if (!equalTrees(now, before)) faults.invalid("spec.selector", now ?? {}, "field is immutable");
}

/** Gates open one after the other, and none is put up later (KEP-3521). */
function validateGates(now: Pod, before: Pod, faults: Faults): void {
  const known = new Set((before.spec?.schedulingGates ?? []).map(({ name }) => name));
  for (const { name } of now.spec?.schedulingGates ?? []) {
    if (known.has(name)) continue;
    faults.forbidden(
      "spec.schedulingGates",
      `only deletion is allowed, but found new scheduling gate '${name}'`,
    );
  }
}

/** The spec without what may change. */
function fixedSpec({ spec }: Pod): unknown {
  const bare = (containers: NonNullable<Pod["spec"]>["containers"] | undefined) =>
    containers?.map((container) => ({ ...container, image: "" }));
  const {
    tolerations: _t,
    activeDeadlineSeconds: _a,
    terminationGracePeriodSeconds: _g,
    schedulingGates: _s,
    ...rest
  } = spec ?? { containers: [] };
  return {
    ...rest,
    containers: bare(spec?.containers),
    initContainers: bare(spec?.initContainers),
  };
}

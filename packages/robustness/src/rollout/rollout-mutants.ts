/**
 * Mistakes in the orchestrator that the simulation of rollouts must find: those that it has found once, and
 * others that are easily made.
 */
import type { Mutant } from "../mutants/mutant.js";

const CONTROLLERS = "packages/orchestrator/src/controllers";

export const ROLLOUT_MUTANTS: readonly Mutant[] = [
  {
    name: "unavailable-rounded-up",
    class: "own: bounds",
    mistake: "maxUnavailable is rounded up, as maxSurge is",
    file: "packages/orchestrator/src/api/meta/percent.ts",
    edits: [{ find: "Math.floor(exact)", replace: "Math.ceil(exact)" }],
    expects: ["rollout-max-unavailable"],
    hints: { seed: 5 },
    simulation: "rollout",
  },
  {
    name: "surge-one-more",
    class: "own: bounds",
    mistake: "a rolling update has one pod more than maxSurge allows",
    file: `${CONTROLLERS}/deployment/scaling.ts`,
    edits: [
      {
        find: "Math.max(0, replicas + maxSurge - sum(all, still))",
        replace: "Math.max(0, replicas + maxSurge + 1 - sum(all, still))",
      },
    ],
    expects: ["rollout-max-surge"],
    hints: { seed: 2 },
    simulation: "rollout",
  },
  {
    name: "unavailable-one-more",
    class: "own: bounds",
    mistake: "a rolling update leaves one pod fewer than maxUnavailable demands",
    file: `${CONTROLLERS}/deployment/scaling.ts`,
    edits: [
      {
        find: "const least = replicas - maxUnavailable;",
        replace: "const least = replicas - maxUnavailable - 1;",
      },
    ],
    expects: ["rollout-max-unavailable"],
    hints: { seed: 5 },
    simulation: "rollout",
  },
  {
    name: "new-pods-count-as-available",
    class: "own: bounds",
    mistake: "pods of the new replica set that are not available yet count as if they were",
    file: `${CONTROLLERS}/deployment/scaling.ts`,
    edits: [
      {
        find: "const unavailableNew = Math.max(0, sizeOf(fresh) - availableOf(fresh));",
        replace: "const unavailableNew = 0;",
      },
      {
        find: "Math.min(room, sum([fresh, ...old], availableOf) - least)",
        replace: "room",
      },
    ],
    expects: ["rollout-max-unavailable"],
    hints: { seed: 5 },
    simulation: "rollout",
  },
  {
    name: "zero-surge-is-default",
    class: "own: found here",
    mistake: "a maxSurge or maxUnavailable of 0 is left out, and so becomes 25 %",
    file: "packages/orchestrator/src/api/codec/omit-empty.ts",
    edits: [
      {
        find: '"v1.RollingUpdateDeployment": ["maxSurge", "maxUnavailable"],',
        replace: "",
      },
    ],
    expects: ["rollout-as-asked"],
    hints: { seed: 2 },
    simulation: "rollout",
  },
  {
    name: "expectations-ignored",
    class: "own: stale caches",
    mistake: "a replica set's controller does not wait for its informer to show what it made",
    file: `${CONTROLLERS}/replica-set/expectations.ts`,
    edits: [
      {
        find: "if (!expected || expected.created.size + expected.deleted.size === 0)",
        replace: "if (true)",
      },
    ],
    expects: ["rollout-expectations", "rollout-max-surge"],
    hints: {},
    simulation: "rollout",
  },
  {
    name: "own-writes-forgotten",
    class: "own: found here",
    mistake: "a deployment's controller plans with replica sets as its late informer shows them",
    file: `${CONTROLLERS}/deployment/reconciler.ts`,
    edits: [{ find: "this.#written.list()", replace: "this.#replicaSets.list()" }],
    expects: ["rollout-max-surge", "rollout-one-replica-set"],
    hints: { seed: 15 },
    simulation: "rollout",
  },
  {
    name: "available-pods-go-first",
    class: "own: found here",
    mistake: "pods that are not available yet are kept as those are that are available",
    file: `${CONTROLLERS}/replica-set/deletion-order.ts`,
    edits: [{ find: "Number(isAvailable(a)) - Number(isAvailable(b)) ||", replace: "" }],
    expects: ["rollout-max-unavailable"],
    hints: { seed: 81 },
    simulation: "rollout",
  },
  {
    name: "scales-whatever-version",
    class: "own: conflicts",
    mistake: "a size is written onto whatever version of the replica set is there",
    file: `${CONTROLLERS}/deployment/reconciler.ts`,
    edits: [
      {
        find: "metadata: { resourceVersion, annotations }, spec }",
        replace: "metadata: { annotations }, spec }",
      },
      { find: "this.#written.list()", replace: "this.#replicaSets.list()" },
    ],
    expects: ["rollout-max-surge", "rollout-max-unavailable", "rollout-events"],
    hints: { seed: 2 },
    simulation: "rollout",
  },
  {
    name: "binds-what-is-bound",
    class: "own: scheduler",
    mistake: "a pod that has a node can be given another",
    file: "packages/orchestrator/src/registry/subresources.ts",
    edits: [{ find: "if (pod.spec?.nodeName) {", replace: "if (false) {" }],
    expects: ["pod-bound-once"],
    hints: { seed: 26 },
    simulation: "rollout",
  },
  {
    name: "unready-pods-stay",
    class: "own: deletion order",
    mistake: "ready pods go before those that are not",
    file: `${CONTROLLERS}/replica-set/deletion-order.ts`,
    edits: [
      {
        find: "Number(isReady(a)) - Number(isReady(b)) ||",
        replace: "Number(isReady(b)) - Number(isReady(a)) ||",
      },
      { find: "phaseRank(a) - phaseRank(b) ||", replace: "" },
      {
        find: "Number(Boolean(a.spec?.nodeName)) - Number(Boolean(b.spec?.nodeName)) ||",
        replace: "",
      },
      { find: "Number(isAvailable(a)) - Number(isAvailable(b)) ||", replace: "" },
    ],
    expects: ["rollout-max-unavailable"],
    hints: { seed: 10 },
    simulation: "rollout",
  },
  {
    name: "expired-watch-goes-on",
    class: "own: stale caches",
    mistake: "a watch from a version that is forgotten begins with what is there now",
    file: "packages/orchestrator/src/storage/watch-cache.ts",
    edits: [{ find: "if (version < this.#windowStart)", replace: "if (false)" }],
    expects: ["rollout-converges", "rollout-max-surge", "rollout-expectations"],
    hints: { seed: 2 },
    simulation: "rollout",
  },
  {
    name: "recreate-does-not-wait",
    class: "own: recreate",
    mistake: "new pods of a Deployment of type Recreate do not wait for the last old one to end",
    file: `${CONTROLLERS}/deployment/scaling.ts`,
    edits: [
      {
        find: "if (oldPodsLive || sum(old, podsOf) > 0 || old.some(isBehind))",
        replace: "if (sum(old, podsOf) > 0)",
      },
    ],
    expects: ["rollout-recreate"],
    hints: { seed: 88 },
    simulation: "rollout",
  },
  {
    name: "leads-without-lease",
    class: "own: leader election",
    mistake: "who finds the lease held by another leads all the same",
    file: "packages/orchestrator/src/controller/leader-elector.ts",
    edits: [
      {
        find: "if (!isOurs && spec?.holderIdentity && !isOver)",
        replace: "if (false)",
      },
    ],
    expects: ["rollout-expectations", "rollout-max-surge"],
    hints: { seed: 2 },
    simulation: "rollout",
  },
];

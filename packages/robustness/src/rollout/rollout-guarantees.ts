/** What a simulated rollout is held to, by name; each is told in `rollout-checker.ts`. */
export type RolloutGuarantee =
  | "rollout-max-surge"
  | "rollout-max-unavailable"
  | "rollout-expectations"
  | "rollout-one-replica-set"
  | "rollout-recreate"
  | "rollout-events"
  | "rollout-as-asked"
  | "rollout-nothing-breaks"
  | "pod-bound-once"
  /** After the last fault every rollout comes to its end (simulate-rollout.ts). */
  | "rollout-converges";

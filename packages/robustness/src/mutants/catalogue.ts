/** All mutants, in the order in which reports show them. */
import { ETCD_MUTANTS } from "./etcd-mutants.js";
import { KV_MUTANTS } from "./kv-mutants.js";
import { LEASE_MUTANTS } from "./lease-mutants.js";
import type { Mutant } from "./mutant.js";
import { RAFT_MUTANTS } from "./raft-mutants.js";
import { STORAGE_MUTANTS } from "./storage-mutants.js";
import { ROLLOUT_MUTANTS } from "../rollout/rollout-mutants.js";
import { WATCH_MUTANTS } from "./watch-mutants.js";

export const MUTANTS: readonly Mutant[] = [
  ...ETCD_MUTANTS,
  ...RAFT_MUTANTS,
  ...STORAGE_MUTANTS,
  ...KV_MUTANTS,
  ...WATCH_MUTANTS,
  ...LEASE_MUTANTS,
  ...ROLLOUT_MUTANTS,
];

/** Throws where there is none of that name. */
export function mutantNamed(name: string): Mutant {
  const mutant = MUTANTS.find((one) => one.name === name);
  if (mutant) return mutant;
  throw new Error(`Cannot find the mutant ${name}: see --list for those that there are`);
}

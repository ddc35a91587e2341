/**
 * What happens in one run, as plain data that follows from the seed: the cluster's size, its
 * Deployments, and what is done to both when. A plan can be printed, made shorter and run again.
 */
import { type Random, randomBelow, seededRandom } from "@sagong/base";

export interface RolloutPlan {
  readonly servers: number;
  readonly managers: number;
  readonly schedulers: number;
  readonly nodes: number;
  /** Of one way between API server and store, at most. */
  readonly storeDelayMs: number;
  /** By how much every watch of a controller is late, at most. */
  readonly watchDelayMs: number;
  readonly deployments: readonly PlannedDeployment[];
  readonly steps: readonly RolloutStep[];
  /** When faults and changes end. */
  readonly safetyMs: number;
}

export interface PlannedDeployment {
  readonly name: string;
  readonly replicas: number;
  readonly strategy: PlannedStrategy;
  readonly minReadySeconds: number;
}

/** `Recreate`, or what a rolling update may do. */
export type PlannedStrategy =
  | "Recreate"
  | { readonly maxSurge: number | string; readonly maxUnavailable: number | string };

/** What pods of a template do; the version makes it another template. */
export interface PlannedTemplate {
  readonly version: number;
  readonly readyMs: number;
  /** -1: it is never ready. */
  readonly crashes: number;
}

export type RolloutAction =
  // What users do
  | { readonly kind: "template"; readonly deployment: number; readonly template: PlannedTemplate }
  | { readonly kind: "scale"; readonly deployment: number; readonly replicas: number }
  | { readonly kind: "strategy"; readonly deployment: number; readonly strategy: PlannedStrategy }
  | { readonly kind: "pause"; readonly deployment: number; readonly paused: boolean }
  | { readonly kind: "delete-pod"; readonly deployment: number }
  /**
   * Notes on replica sets and deployments, so that who writes them meets a conflict; and somebody
   * else tries to bind a pod.
   */
  | { readonly kind: "meddle"; readonly deployment: number }
  // What befalls the cluster
  | { readonly kind: "kill-api-server"; readonly server: number; readonly downMs: number }
  | { readonly kind: "stop-api-server"; readonly server: number; readonly downMs: number }
  | { readonly kind: "stale-api-server"; readonly server: number; readonly forMs: number }
  | { readonly kind: "compact" }
  | {
      readonly kind: "stale-informer";
      readonly who: string;
      readonly resource: string;
      readonly forMs: number;
    }
  | { readonly kind: "break-watches"; readonly who: string }
  | { readonly kind: "slow"; readonly who: string; readonly forMs: number }
  | { readonly kind: "lose-requests"; readonly who: string; readonly forMs: number }
  | { readonly kind: "lose-answers"; readonly who: string; readonly forMs: number }
  | { readonly kind: "cut"; readonly who: string; readonly forMs: number }
  | { readonly kind: "kill"; readonly who: string; readonly downMs: number }
  | { readonly kind: "stop"; readonly who: string; readonly downMs: number }
  | { readonly kind: "pause-process"; readonly who: string; readonly forMs: number }
  | { readonly kind: "power-loss"; readonly node: number; readonly downMs: number }
  | { readonly kind: "unready-pod"; readonly node: number; readonly forMs: number };

export type RolloutStep = { readonly atMs: number } & RolloutAction;

export const RESOURCES_HELD: readonly string[] = ["*", "pods", "replicasets", "deployments"];
/** Rollouts begin when the cluster has come up. */
const FIRST_CHANGE_MS = 4_000;

export function planRollout(seed: number): RolloutPlan {
  const random = seededRandom(seed);
  const below = (limit: number): number => randomBelow(random, limit);
  const managers = 1 + below(2);
  const schedulers = below(4) === 0 ? 2 : 1;
  const servers = 1 + below(2);
  const nodes = 2 + below(2);
  const safetyMs = 40_000 + below(50_000);
  const deployments = Array.from({ length: below(4) === 0 ? 2 : 1 }, (_, i) => ({
    name: `app-${i}`,
    replicas: 1 + below(10),
    strategy: planStrategy(random),
    minReadySeconds: below(3) === 0 ? 1 + below(4) : 0,
  }));
  const size = { servers, managers, schedulers, nodes };
  const changes = deployments.flatMap((_, i) => planChanges(random, i, safetyMs));
  const faults = planFaults(random, { size, safetyMs, changes });
  const steps = [...changes, ...faults].toSorted((a, b) => a.atMs - b.atMs);
  const storeDelayMs = below(2) === 0 ? 0 : 3;
  const watchDelayMs = [0, 0, 100, 600][below(4)] ?? 0;
  return { ...size, storeDelayMs, watchDelayMs, deployments, steps, safetyMs };
}

/** Numbers and percentages, some of which round. Not both zero: the API refuses that. */
function planStrategy(random: Random): PlannedStrategy {
  const below = (limit: number): number => randomBelow(random, limit);
  if (below(10) === 0) return "Recreate";
  const amount = (): number | string => (below(2) === 0 ? below(4) : `${below(60)}%`);
  const maxSurge = amount();
  const maxUnavailable = amount();
  const isZero = (one: number | string): boolean => one === 0 || one === "0%";
  if (isZero(maxSurge) && isZero(maxUnavailable)) return { maxSurge: 1, maxUnavailable };
  return { maxSurge, maxUnavailable };
}

function planChanges(random: Random, deployment: number, safetyMs: number): RolloutStep[] {
  const below = (limit: number): number => randomBelow(random, limit);
  const templates: PlannedTemplate[] = [{ version: 1, readyMs: 500, crashes: 0 }];
  const newTemplate = (): PlannedTemplate => {
    const version = templates.length + 1;
    const kind = below(8);
    const crashes = kind === 0 ? -1 : kind === 1 ? 1 + below(2) : 0;
    const template = { version, readyMs: 200 + below(4_000), crashes };
    templates.push(template);
    return template;
  };
  const change = (): RolloutAction => {
    const kind = below(16);
    if (kind < 6) return { kind: "template", deployment, template: newTemplate() };
    if (kind < 8) {
      // A rollback.
      const template = templates[below(templates.length)] ?? newTemplate();
      return { kind: "template", deployment, template };
    }
    if (kind < 11) return { kind: "scale", deployment, replicas: below(13) };
    if (kind < 12) return { kind: "strategy", deployment, strategy: planStrategy(random) };
    if (kind < 14) return { kind: "pause", deployment, paused: below(3) > 0 };
    if (kind < 15) return { kind: "meddle", deployment };
    return { kind: "delete-pod", deployment };
  };
  // Some come in quick succession, so that one falls into the rollout of another.
  let atMs = FIRST_CHANGE_MS + below(3_000);
  const steps: RolloutStep[] = [];
  while (atMs < safetyMs) {
    steps.push({ atMs, ...change() });
    atMs += below(3) === 0 ? 100 + below(1_500) : 2_000 + below(20_000);
  }
  return steps;
}

type ClusterSize = Pick<RolloutPlan, "servers" | "managers" | "schedulers" | "nodes">;

/**
 * Each run has some kinds of faults, not all: what one kind hides another run shows. Most strike
 * where something is being changed, and many the same program.
 */
function planFaults(
  random: Random,
  about: {
    readonly size: ClusterSize;
    readonly safetyMs: number;
    readonly changes: readonly RolloutStep[];
  },
): RolloutStep[] {
  const { size, safetyMs, changes } = about;
  const below = (limit: number): number => randomBelow(random, limit);
  const makers = FAULTS.filter(() => below(3) === 0);
  if (makers.length === 0) return [];
  const favourite = below(2) === 0 ? program({ below, size }) : undefined;
  return Array.from({ length: below(20) }, () => {
    const make = makers[below(makers.length)] ?? FAULTS[0];
    const change = changes[below(changes.length)];
    const anyMs = 2_000 + below(safetyMs - 2_000);
    const atMs = change && below(4) > 0 ? change.atMs - 1_000 + below(1_500) : anyMs;
    return { atMs: Math.min(atMs, safetyMs), ...make({ below, size, favourite }) };
  });
}

interface FaultContext {
  readonly below: (limit: number) => number;
  readonly size: ClusterSize;
  /** The program that most of it befalls. */
  readonly favourite?: string | undefined;
}
type FaultMaker = (context: FaultContext) => RolloutAction;

const FAULTS: readonly [FaultMaker, ...FaultMaker[]] = [
  ({ below, size }) => {
    const kind = below(3) === 0 ? "stop-api-server" : "kill-api-server";
    return { kind, server: below(size.servers), downMs: 200 + below(8_000) };
  },
  ({ below, size }) => {
    return { kind: "stale-api-server", server: below(size.servers), forMs: 500 + below(4_000) };
  },
  () => ({ kind: "compact" }),
  (context) => staleInformer(context),
  (context) => staleInformer(context),
  (context) => ({ kind: "break-watches", who: program(context) }),
  (context) => ({ kind: "slow", who: program(context), forMs: 1_000 + context.below(10_000) }),
  (context) => ({
    kind: "lose-requests",
    who: program(context),
    forMs: 500 + context.below(6_000),
  }),
  (context) => ({ kind: "lose-answers", who: program(context), forMs: 500 + context.below(6_000) }),
  (context) => ({ kind: "cut", who: program(context), forMs: 500 + context.below(20_000) }),
  (context) => ({
    kind: context.below(3) === 0 ? "stop" : "kill",
    who: program(context),
    downMs: 1_000 + context.below(8_000),
  }),
  (context) => ({
    kind: "pause-process",
    who: program(context),
    forMs: 100 + context.below(2_500),
  }),
  ({ below, size }) => ({
    kind: "power-loss",
    node: below(size.nodes),
    downMs: 500 + below(8_000),
  }),
  ({ below, size }) => ({
    kind: "unready-pod",
    node: below(size.nodes),
    forMs: 500 + below(6_000),
  }),
];

function staleInformer(context: FaultContext): RolloutAction {
  const { below } = context;
  const resource = RESOURCES_HELD[below(RESOURCES_HELD.length)] ?? "*";
  return { kind: "stale-informer", who: program(context), resource, forMs: 500 + below(6_000) };
}

/** The controllers more often than others: most of what can go wrong is theirs. */
function program({ below, size, favourite }: FaultContext): string {
  if (favourite !== undefined && below(3) > 0) return favourite;
  const kind = below(5);
  if (kind < 3) return `controller-manager-${below(size.managers)}`;
  if (kind < 4) return `scheduler-${below(size.schedulers)}`;
  return `node-${below(size.nodes)}`;
}

/**
 * What a Deployment promises, computed apart from the controllers that are judged by it
 * (apps/v1 RollingUpdateDeployment: maxSurge is rounded up, maxUnavailable down; where both come to
 * 0 one pod may be unavailable, or nothing could ever move).
 */
import type { Deployment } from "@sagong/orchestrator/api";

export interface RolloutBounds {
  /** Most pods. */
  readonly most: number;
  /** Fewest available pods. */
  readonly least: number;
}

const DEFAULT_AMOUNT = "25%";

export function boundsOf({ spec }: Deployment): RolloutBounds {
  const replicas = spec?.replicas ?? 1;
  // All may go before the first new one comes.
  if (spec?.strategy?.type === "Recreate") return { most: replicas, least: 0 };
  const { maxSurge = DEFAULT_AMOUNT, maxUnavailable = DEFAULT_AMOUNT } =
    spec?.strategy?.rollingUpdate ?? {};
  const surge = typeof maxSurge === "number" ? maxSurge : Math.ceil(shareOf(maxSurge, replicas));
  const asked =
    typeof maxUnavailable === "number"
      ? maxUnavailable
      : Math.floor(shareOf(maxUnavailable, replicas));
  const unavailable = surge === 0 && asked === 0 ? 1 : asked;
  return { most: replicas + surge, least: Math.max(0, replicas - unavailable) };
}

/** Hundredths are exact in whole numbers: 7 % of 100 is 7, not 7.000000000000001. */
function shareOf(percent: string, of: number): number {
  return (Number(percent.slice(0, -1)) * of) / 100;
}

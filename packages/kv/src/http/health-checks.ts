/**
 * The answers of `/health`, `/livez` and `/readyz`, with etcd 3.6's texts. It asks the member
 * through `HealthSource` and knows nothing of HTTP or of how a member works.
 */
import { errorText } from "@sagong/base";

export interface HealthSource {
  /** etcd's names of active alarms: NOSPACE, CORRUPT. */
  alarms(): readonly string[];
  hasLeader(): boolean;
  isLearner(): boolean;
  /** Reads one key of the store; rejects with what a client's Range would be told. */
  read(options: { readonly serializable: boolean }): Promise<void>;
}

export interface Health {
  readonly healthy: boolean;
  /** Empty where healthy. */
  readonly reason: string;
}

/** `/health`: alarms, then leader, then a read; the first failure is the reason. */
export async function checkHealth(
  source: HealthSource,
  options: { readonly excluded: ReadonlySet<string>; readonly serializable: boolean },
): Promise<Health> {
  const alarm = source.alarms().find((name) => !options.excluded.has(name));
  if (alarm !== undefined) return { healthy: false, reason: `ALARM ${alarm}` };
  if (!options.serializable && !source.hasLeader()) {
    return { healthy: false, reason: "RAFT NO LEADER" };
  }
  try {
    await source.read({ serializable: options.serializable });
  } catch (error) {
    return { healthy: false, reason: `RANGE ERROR:${errorText(error)}` };
  }
  return { healthy: true, reason: "" };
}

export type Probe = "livez" | "readyz";
type Check = (source: HealthSource) => Promise<void>;

const serializableRead: Check = (source) => source.read({ serializable: true });

const CHECKS: Readonly<Record<Probe, ReadonlyMap<string, Check>>> = {
  livez: new Map([["serializable_read", serializableRead]]),
  readyz: new Map<string, Check>([
    [
      "data_corruption",
      async (source) => {
        if (source.alarms().includes("CORRUPT")) throw new Error("alarm activated: CORRUPT");
      },
    ],
    ["serializable_read", serializableRead],
    ["linearizable_read", (source) => source.read({ serializable: false })],
    [
      "non_learner",
      async (source) => {
        if (source.isLearner()) throw new Error("not supported for learner");
      },
    ],
  ]),
};

export function probeCheckNames(probe: Probe): readonly string[] {
  return [...CHECKS[probe].keys()];
}

export interface ProbeResult {
  readonly healthy: boolean;
  /** One line a check: `[+]name ok` or `[-]name failed: reason`. */
  readonly lines: string;
  readonly outcomes: readonly { readonly name: string; readonly ok: boolean }[];
}

/** Runs the checks of `names` in the probe's order. */
export async function runProbe(
  probe: Probe,
  source: HealthSource,
  names: ReadonlySet<string>,
): Promise<ProbeResult> {
  let lines = "";
  const outcomes: { readonly name: string; readonly ok: boolean }[] = [];
  for (const [name, check] of CHECKS[probe]) {
    if (!names.has(name)) continue;
    try {
      await check(source);
      lines += `[+]${name} ok\n`;
      outcomes.push({ name, ok: true });
    } catch (error) {
      lines += `[-]${name} failed: ${errorText(error)}\n`;
      outcomes.push({ name, ok: false });
    }
  }
  return { healthy: outcomes.every((outcome) => outcome.ok), lines, outcomes };
}

/** Clocks that are wrong. Leases, elections and time limits go by the monotonic one, and must not notice. */
import { between, oneOf } from "../traffic/dice.js";
import { anyMember, type Fault, numberOf } from "./fault.js";

const DAY_MS = 86_400_000;
const MONOTONIC_RULES =
  "no election, no lease ended early, no time limit: the monotonic clock rules";

export const CLOCK_FAULTS: readonly Fault[] = [
  jump("clock-jump-forward", "jump forward", 1),
  jump("clock-jump-back", "jump back", -1),
  {
    group: "clock",
    name: "clock-skew",
    items: ["skew"],
    isCovered: true,
    promise: MONOTONIC_RULES,
    plan: (random, { members }) => ({
      durationMs: between(random, [5_000, 30_000]),
      parameters: {
        offsetsMs: Array.from({ length: members }, () => between(random, [-DAY_MS, DAY_MS])),
      },
    }),
    apply: (scene, { parameters }) => {
      const offsets = Array.isArray(parameters["offsetsMs"]) ? parameters["offsetsMs"] : [];
      const jumps = scene.members.map(({ clock }, i) => [clock, Number(offsets[i] ?? 0)] as const);
      for (const [clock, ms] of jumps) clock.jumpWall(ms);
      return () => {
        for (const [clock, ms] of jumps) clock.jumpWall(-ms);
      };
    },
  },
  {
    group: "clock",
    name: "clock-strobe",
    items: ["strobe"],
    isCovered: true,
    promise: MONOTONIC_RULES,
    plan: (random, setting) => ({
      durationMs: between(random, [2_000, 8_000]),
      parameters: {
        ...anyMember(random, setting),
        everyMs: between(random, [20, 500]),
        byMs: between(random, [10, 10_000]),
      },
    }),
    apply: (scene, planned) => {
      const { clock } = scene.member(numberOf(planned, "member"));
      let byMs = numberOf(planned, "byMs");
      return scene.repeat(
        () => numberOf(planned, "everyMs"),
        () => {
          clock.jumpWall(byMs);
          byMs = -byMs;
        },
      );
    },
  },
  {
    group: "clock",
    name: "clock-drift",
    items: ["drift (monotonic must rule leases and elections)"],
    isCovered: true,
    promise:
      "reads need no clocks; leases are as exact as the leader's clock: up to 2 % off here, a thousand times a bad crystal's drift",
    plan: (random, setting) => ({
      durationMs: between(random, [5_000, 30_000]),
      parameters: { ...anyMember(random, setting), percent: oneOf(random, [-2, -1, 1, 2]) },
    }),
    apply: (scene, planned) => {
      const { clock } = scene.member(numberOf(planned, "member"));
      clock.setRate(1 + numberOf(planned, "percent") / 100);
      return () => clock.setRate(1);
    },
  },
];

function jump(name: string, item: string, sign: 1 | -1): Fault {
  return {
    group: "clock",
    name,
    items: [item],
    isCovered: true,
    promise: MONOTONIC_RULES,
    plan: (random, setting) => ({
      durationMs: 0,
      parameters: {
        ...anyMember(random, setting),
        byMs: sign * between(random, [1_000, 365 * DAY_MS]),
      },
    }),
    apply: (scene, planned) => {
      scene.member(numberOf(planned, "member")).clock.jumpWall(numberOf(planned, "byMs"));
    },
  };
}

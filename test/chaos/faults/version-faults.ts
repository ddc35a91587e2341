/** What operators do to a cluster that is at work. */
import { errorText } from "@sagong/base";
import type { Flags } from "../../support/store-process.js";
import { pick, shuffled } from "./choices.js";
import type { ChaosFault, Scene } from "./fault.js";

/** Members of one cluster may differ in all of these. */
const CHANGES: readonly Flags[] = [
  { "snapshot-count": 100, "snapshot-catchup-entries": 10 },
  { "snapshot-count": 5_000, "snapshot-catchup-entries": 1_000 },
  { "heartbeat-interval": 50, "election-timeout": 500 },
  { "heartbeat-interval": 200, "election-timeout": 2_000 },
  { "heartbeat-interval": 100, "election-timeout": 1_000 },
  { "experimental-transport": "grpc-js" },
  { "experimental-transport": "http2" },
  { "watch-progress-notify-interval": "500ms" },
];

/** Operators go on then, or back; the heal waits longer. */
const SERVES_LIMIT_MS = 15_000;

export const VERSION_FAULTS: readonly ChaosFault[] = [
  { group: "versions", name: "rolling-restart-with-changed-flags", strike: rollingRestart },
];

/**
 * SIGTERM to one after the other; the next goes when the last one serves. With another fault beside
 * this one it may not come to serve: what is wrong then the heal will show.
 */
async function rollingRestart(scene: Scene): Promise<void> {
  const change = pick(scene.random, CHANGES);
  const words = Object.entries(change).map(([flag, value]) => `--${flag}=${value}`);
  for (const member of shuffled(scene.random, scene.cluster.members)) {
    scene.note(`SIGTERM, and a start with ${words.join(" ")}`, member);
    member.flags = { ...member.flags, ...change };
    await member.stop();
    member.launch();
    try {
      await member.ready(SERVES_LIMIT_MS);
    } catch (error) {
      scene.note(`does not serve yet: ${errorText(error).trimEnd().split("\n").at(-1)}`, member);
    }
  }
}

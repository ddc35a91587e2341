/** What the machine must have for members in namespaces under faults. */
import { spawnSync } from "node:child_process";

/** Program → what installs it on Debian. */
const PROGRAMS: Readonly<Record<string, string>> = {
  cc: "gcc, libc6-dev",
  fallocate: "util-linux",
  ip: "iproute2",
  nft: "nftables",
  nsenter: "util-linux",
  unshare: "util-linux",
};

/** Words for each thing that is missing; empty where a run is possible. */
export function missingForChaos(): readonly string[] {
  if (process.platform !== "linux") return [`Linux (this is ${process.platform})`];
  if (process.getuid?.() !== 0) return ["root"];
  const programs = Object.entries(PROGRAMS)
    .filter(([program]) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0)
    .map(([program, source]) => `${program} (${source})`);
  if (programs.length > 0) return programs;
  const isAllowed =
    spawnSync("unshare", ["--mount", "--net", "--pid", "--fork", "true"]).status === 0;
  return isAllowed ? [] : ["namespaces (a container may need to be privileged)"];
}

/** For tests: false, and said so, where something is missing. Throws in CI, where nothing may be. */
export function isChaosPossible(): boolean {
  const missing = missingForChaos();
  if (missing.length === 0) return true;
  const words = missing.join(", ");
  if (process.env["CI"] === "true") {
    throw new Error(`chaos needs ${words}: run node scripts/install-tools.mjs`);
  }
  console.log(`skipped: needs ${words}`);
  return false;
}

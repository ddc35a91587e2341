/** `--dry-run`: say what would be done, here or by the server, and do nothing. */
import { CommandError } from "./errors.js";

export type DryRun = "none" | "client" | "server";

/** Throws `CommandError`. */
export function parseDryRun(text: string): DryRun {
  if (text === "none" || text === "client" || text === "server") return text;
  throw new CommandError(`Invalid dry-run value (${text}). Must be "none", "server", or "client".`);
}

/** Behind what is told: ` (dry run)`. */
export function dryRunSuffix(dryRun: DryRun): string {
  return { none: "", client: " (dry run)", server: " (server dry run)" }[dryRun];
}

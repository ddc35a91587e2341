/**
 * A machine that lost power, for a process that was killed: what it wrote and never synced is taken
 * back, all of it or a tail. Names of files stay as they are.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Random, randomBelow } from "@sagong/base";
import type { Surroundings } from "./surroundings.js";
import { type UnsyncedFile, unsyncedFiles, withoutUnsynced } from "./unsynced-writes.js";

export interface PowerLoss {
  readonly files: number;
  readonly writes: number;
}

/** The process that wrote below `dir` is dead. Says how much was lost. */
export function losePower(dir: string, surroundings: Surroundings, random: Random): PowerLoss {
  const files = unsyncedFiles(readFileSync(surroundings.journal));
  const lost: number[] = [];
  for (const path of filesBelow(dir)) {
    const file = files.get(statSync(path, { bigint: true }).ino);
    if (!file) continue;
    const cut = cutOf(file, random);
    writeFileSync(path, withoutUnsynced(readFileSync(path), file, cut));
    lost.push(file.writes.length - cut.kept);
  }
  surroundings.clearJournal();
  return { files: lost.length, writes: lost.reduce((sum, count) => sum + count, 0) };
}

/** Half of the time nothing unsynced stays. */
function cutOf(
  { writes }: UnsyncedFile,
  random: Random,
): { readonly kept: number; readonly tornBytes: number } {
  if (randomBelow(random, 2) === 0) return { kept: 0, tornBytes: 0 };
  const kept = randomBelow(random, writes.length + 1);
  return { kept, tornBytes: randomBelow(random, (writes[kept]?.length ?? 0) + 1) };
}

function filesBelow(dir: string): readonly string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** What became of each mutant, as aligned text: one row each. */
import type { Verdict } from "./hunt.js";
import type { Mutant } from "./mutant.js";

export interface Hunted {
  readonly mutant: Mutant;
  readonly verdict: Verdict;
  readonly tookMs: number;
}

const HEAD = ["mutant", "class", "caught by", "seed", "seconds"];

/** With a line that counts below it. */
export function renderHunted(hunted: readonly Hunted[]): string {
  const rows = hunted.map(({ mutant, verdict, tookMs }) => [
    mutant.name,
    mutant.class,
    ...describe(verdict, mutant),
    (tookMs / 1000).toFixed(1),
  ]);
  const table = [HEAD, ...rows];
  const widths = HEAD.map((_, column) =>
    Math.max(...table.map((row) => (row[column] ?? "").length)),
  );
  const lines = table.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column >= 3 ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
  const caught = hunted.filter(({ verdict }) => verdict.kind === "caught").length;
  const etcd = hunted.filter(({ mutant }) => mutant.class.startsWith("etcd"));
  const etcdCaught = etcd.filter(({ verdict }) => verdict.kind === "caught").length;
  lines.push(
    "",
    `${caught} of ${hunted.length} mutants caught; of etcd's classes ${etcdCaught} of ${etcd.length}`,
  );
  return lines.join("\n");
}

/** The columns `caught by` and `seed`. */
function describe(verdict: Verdict, mutant: Mutant): readonly [string, string] {
  switch (verdict.kind) {
    case "caught": {
      const { guarantee, seed } = verdict;
      const isExpected = mutant.expects.some((name) => name === guarantee);
      return [isExpected ? guarantee : `${guarantee} (not expected)`, String(seed)];
    }
    case "survived":
      return [
        verdict.isAlive
          ? `SURVIVED ${verdict.seeds} seeds: its runs differ, unseen`
          : `SURVIVED ${verdict.seeds} seeds: its runs do not differ`,
        "-",
      ];
    case "unsound":
      return [`UNSOUND: ${verdict.guarantee} without it too`, String(verdict.seed)];
    case "failed":
      return [`FAILED: ${verdict.error}`, "-"];
  }
}

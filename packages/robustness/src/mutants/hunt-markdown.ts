/** What became of each mutant, as a page to read: docs/mutants.md. */
import type { Verdict } from "./hunt.js";
import type { Hunted } from "./hunt-table.js";
import type { MutantClass } from "./mutant.js";

const INTRODUCTION = `# Mutants

Known mistakes, each put into the real code by itself: the simulator must find it. Written by
\`npm run simulate:mutants -- --markdown docs/mutants.md\`.

**Caught by** is the first guarantee that a run with the mistake violates; the same run of the code as
it is violates none. **Seconds** are of real time: from the first run to the one that caught it, and that
of the unchanged code, with the starts of their processes.
`;

/** `uncovered`: classes for which there is nothing to break. */
export function renderMarkdown(
  hunted: readonly Hunted[],
  uncovered: readonly { readonly class: string; readonly reason: string }[],
): string {
  const caught = hunted.filter(({ verdict }) => verdict.kind === "caught").length;
  const tookMs = hunted.reduce((sum, one) => sum + one.tookMs, 0);
  const count = `${caught} of ${hunted.length} are caught, in ${(tookMs / 60_000).toFixed(1)} minutes of all processes together.`;
  const tables = byClass(hunted).map(([name, some]) => `## ${name}\n\n${tableOf(some)}`);
  const reasons = uncovered.map((one) => `- ${one.class}: ${one.reason}`);
  const rest = reasons.length === 0 ? [] : [`## Not covered\n\n${reasons.join("\n")}`];
  return `${[INTRODUCTION, `${count}\n`, ...[...tables, ...rest].map((one) => `${one}\n`)].join("\n")}`;
}

/** etcd's own first, the others by what they are about. */
function byClass(hunted: readonly Hunted[]): readonly (readonly [string, readonly Hunted[]])[] {
  const classes = new Map<string, Hunted[]>();
  for (const one of hunted) {
    const name = headingOf(one.mutant.class);
    const known = classes.get(name);
    if (known) known.push(one);
    else classes.set(name, [one]);
  }
  return [...classes];
}

function headingOf(name: MutantClass): string {
  return name.startsWith("etcd")
    ? "Bugs that etcd has had"
    : capitalized(name.slice("own: ".length));
}

function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

const HEAD = ["mutant", "the mistake", "caught by", "seed", "members", "seconds"] as const;

function tableOf(hunted: readonly Hunted[]): string {
  const rows = hunted.map(({ mutant, verdict, tookMs }) => {
    const issue = mutant.class.startsWith("etcd") ? ` (${mutant.class})` : "";
    const [by, seed, members] = cellsOf(verdict);
    const seconds = (tookMs / 1000).toFixed(1);
    return [`\`${mutant.name}\`${issue}`, mutant.mistake, by, seed, members, seconds];
  });
  const table = [HEAD, HEAD.map(() => "---"), ...rows];
  return table.map((row) => `| ${row.map(escaped).join(" | ")} |`).join("\n");
}

/** The columns `caught by`, `seed`, `members`. */
function cellsOf(verdict: Verdict): readonly [string, string, string] {
  if (verdict.kind !== "caught") return [`**${verdict.kind}**`, "", ""];
  const { guarantee, seed, members } = verdict;
  return [`\`${guarantee}\``, String(seed), members === undefined ? "" : String(members)];
}

function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|").replaceAll("\n", " ");
}

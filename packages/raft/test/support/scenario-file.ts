/**
 * A scenario as text: its title, the rules that it shows, then steps, each followed by what came of
 * it (two spaces before each line). Lines that begin with # explain.
 *
 *   Raft §5.2: a member begins as follower
 *   rules: 5.2.begin F2.followers.2
 *
 *   member 1
 *   tick 1 10
 *     1 pre-candidate t0 leader=none
 */
import { ScenarioGroup } from "./scenario-group.js";

export interface ScenarioFile {
  readonly title: string;
  readonly rules: readonly string[];
  readonly text: string;
}

const RULES = "rules:";
const RESULT = "  ";

export function readScenario(text: string): ScenarioFile {
  const [title = "", rules = ""] = text.split("\n");
  if (!rules.startsWith(RULES)) throw new Error(`Cannot read "${title}": expected rules below it`);
  const ids = rules
    .slice(RULES.length)
    .split(/\s+/)
    .filter((id) => id !== "");
  return { title, rules: ids, text };
}

/** The scenario with what comes of its steps now. */
export function rerun({ text }: ScenarioFile): string {
  const group = new ScenarioGroup();
  const [title = "", rules = "", ...body] = text.trimEnd().split("\n");
  const lines = body
    .filter((line) => !line.startsWith(RESULT))
    .flatMap((line) => {
      if (line === "" || line.startsWith("#")) return [line];
      return [line, ...group.run(line).map((result) => `${RESULT}${result}`)];
    });
  return `${[title, rules, ...lines].join("\n")}\n`;
}

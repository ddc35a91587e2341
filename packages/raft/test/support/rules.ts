/**
 * The list of rules (scenarios/rules.txt): sections, and below each its rules, in our words:
 *
 *   == Raft §5.2: leader election
 *   5.2.begin: a member begins as follower
 *   6.joint: two configurations decide together while one follows the other
 *     not covered: membership is fixed when the group starts
 *   F13.2: an image comes in pieces
 *     shown by: packages/raft/src/node/images.test.ts: goes on where the image was refused
 */

export interface Rule {
  readonly section: string;
  readonly id: string;
  readonly text: string;
  /** Why no scenario shows it. */
  readonly notCovered: string | undefined;
  /** A test elsewhere that does: the file, and a part of its name. */
  readonly shownBy: readonly { readonly path: string; readonly title: string }[];
}

export function readRules(text: string): Rule[] {
  const rules: { -readonly [K in keyof Rule]: Rule[K] }[] = [];
  let section = "";
  for (const line of text.split("\n")) {
    const last = rules.at(-1);
    const [, path = "", title = ""] = /^ {2}shown by: (\S+): (.+)$/.exec(line) ?? [];
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith("== ")) section = line.slice(3);
    else if (path !== "" && last) last.shownBy = [...last.shownBy, { path, title }];
    else if (line.startsWith("  not covered: ") && last) last.notCovered = line.slice(15);
    else if (line.startsWith("  ") && last) last.text += ` ${line.trim()}`;
    else {
      const [, id, words] = /^(\S+): (.+)$/.exec(line) ?? [];
      if (id === undefined || words === undefined) throw new Error(`Cannot read rule "${line}"`);
      rules.push({ section, id, text: words, notCovered: undefined, shownBy: [] });
    }
  }
  return rules;
}

/** The tables of rules name tests that are there. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const PACKAGE = new URL("../../", import.meta.url);

describe.each(["test/rfc9113", "test/rfc7541"])("%s/README.md", (folder) => {
  const text = readFileSync(new URL(`${folder}/README.md`, PACKAGE), "utf8");
  const rows = text
    .split("\n")
    .filter((line) => /^\| \d/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()));

  /** The file that a reference names. */
  const fileOf = (name: string): URL => {
    if (name === "auditor") return new URL("test/support/auditor.ts", PACKAGE);
    const paths = [`${folder}/${name}.test.ts`, `test/${name}.test.ts`, `${name}.test.ts`, name];
    const found = paths.map((path) => new URL(path, PACKAGE)).find((url) => existsSync(url));
    if (found === undefined) throw new Error(`No file is ${name}`);
    return found;
  };

  it("has a row for every part, with a test or a reason", () => {
    expect(rows.length).toBeGreaterThan(10);
    for (const [, section, rule, where = ""] of rows) {
      expect([section, rule, where]).toEqual([section, rule, expect.stringMatching(/^– .|#/)]);
    }
  });

  it("names tests that are there", () => {
    const missing: string[] = [];
    for (const [, , , where = ""] of rows) {
      if (where.startsWith("–")) continue;
      for (const reference of where.split(/; (?=[\w./-]+#)/)) {
        const [name = "", ...rest] = reference.split("#");
        const source = readFileSync(fileOf(name), "utf8").replaceAll(/"\s*\+\s*"/g, "");
        if (!source.includes(rest.join("#"))) missing.push(reference);
      }
    }
    expect(missing).toEqual([]);
  });
});

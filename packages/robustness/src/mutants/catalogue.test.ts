import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { MUTANTS, mutantNamed } from "./catalogue.js";
import { ETCD_MUTANTS, ETCD_NOT_COVERED } from "./etcd-mutants.js";
import { compiledPathOf, mutate } from "./mutant.js";

const ROOT = new URL("../../../../", import.meta.url);

function compiled(file: string): string {
  return readFileSync(new URL(compiledPathOf({ file }), ROOT), "utf8");
}

describe("MUTANTS", () => {
  it.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
    "%s finds its texts once in the file as built",
    (_name, mutant) => {
      const code = compiled(mutant.file);

      const mutated = mutate(code, mutant);

      expect(mutated).not.toBe(code);
    },
  );

  it("differ from each other, in name and in what they change", () => {
    const changes = MUTANTS.map(({ file, edits }) => JSON.stringify([file, edits]));

    expect(new Set(changes).size).toBe(MUTANTS.length);
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });

  it("re-create all classes of etcd's list, or say why not, and at least 20 others", () => {
    const etcd = new Set(ETCD_MUTANTS.map((mutant) => mutant.class));

    expect(etcd.size + ETCD_NOT_COVERED.length).toBe(17);
    expect(MUTANTS.length - ETCD_MUTANTS.length).toBeGreaterThanOrEqual(20);
  });
});

describe("mutate()", () => {
  const mutant = mutantNamed("ack-before-quorum");

  it("refuses a text that is not there, or is there twice", () => {
    const find = mutant.edits[0]?.find ?? "";

    expect(() => mutate("", mutant)).toThrow("its text is 0 times");
    expect(() => mutate(find + find, mutant)).toThrow("its text is 2 times");
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { parseYaml, YamlSyntaxError } from "./parse-yaml.js";

describe("parseYaml()", () => {
  it("gives the value that was written, keys sorted", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const json: unknown = JSON.parse(JSON.stringify(value));
        expect(parseYaml(stringify(json)).value).toEqual(json);
      }),
    );
    expect(JSON.stringify(parseYaml("b: 1\na: {d: 1, c: 2}\n").value)).toBe(
      '{"a":{"c":2,"d":1},"b":1}',
    );
  });

  it("reads JSON, which is YAML too", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = JSON.stringify(value);
        expect(parseYaml(text).value).toEqual(JSON.parse(text));
      }),
    );
  });

  it("names keys that stand twice by their lines, and keeps the last", () => {
    const text = "a: 1\nb:\n  c: 1\n  c: 2\na: 3\nlist:\n- x: 1\n  x: 2\n";
    expect(parseYaml(text)).toEqual({
      value: { a: 3, b: { c: 2 }, list: [{ x: 2 }] },
      duplicates: [
        'line 4: key "c" already set in map',
        'line 5: key "a" already set in map',
        'line 8: key "x" already set in map',
      ],
    });
  });

  it("text that only looks deep is text", () => {
    const text = "[".repeat(5_000);
    expect(parseYaml(`a: "${text}"\nb: |\n  ${text}\n`).value).toEqual({ a: text, b: `${text}\n` });
  });

  it.each([
    ["brackets", "[".repeat(1_000_000)],
    ["braces", "{a: ".repeat(500_000)],
    ["brackets on lines", "[\n".repeat(500_000)],
    ["dashes", "- ".repeat(1_000_000)],
    ["question marks", "? ".repeat(1_000_000)],
    ["colons", ": ".repeat(1_000_000)],
    ["indents", Array.from({ length: 300 }, (_, i) => `${" ".repeat(i)}a:`).join("\n")],
  ])("a bottomless pit of %s is refused at once", (_name, text) => {
    expect(() => parseYaml(text)).toThrow(new YamlSyntaxError("yaml: exceeded max depth"));
  });

  it.each([
    ["keys that are maps", "? {a: 1}\n: 2\n"],
    ["keys in keys in keys", "? ".repeat(150)],
    ["keys that are aliases", "a: &x [1]\n*x : 2\n"],
  ])("%s are refused", (_name, text) => {
    expect(() => parseYaml(text)).toThrow(YamlSyntaxError);
  });

  it("aliases are followed, but not into the thousands", () => {
    expect(parseYaml("a: &x {b: 1}\nc: *x\n").value).toEqual({ a: { b: 1 }, c: { b: 1 } });
    const level = (n: number): string =>
      `a${n}: &a${n} [${Array(9)
        .fill(`*a${n - 1}`)
        .join(",")}]`;
    const bomb = ["a0: &a0 [x,x,x,x,x,x,x,x,x]", ...[1, 2, 3, 4, 5].map(level)].join("\n");
    expect(() => parseYaml(bomb)).toThrow(/^yaml: Excessive alias count/);
    expect(() => parseYaml("a: *nothing\n")).toThrow(YamlSyntaxError);
  });

  it("two documents are one too many", () => {
    expect(() => parseYaml("a: 1\n---\nb: 2\n")).toThrow(/^yaml: line \d+: .*multiple documents/);
  });

  it("any text is read or refused, and nothing else", () => {
    const noise = fc.array(
      fc.constantFrom(..."[]{}:,-?&*!|>'\"%@`# \n\tab1~".split(""), "- ", ": ", "? ", "\n  "),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(noise, (parts) => {
        try {
          parseYaml(parts.join(""));
        } catch (error) {
          if (!(error instanceof YamlSyntaxError)) throw error;
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

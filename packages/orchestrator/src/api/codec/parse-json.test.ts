import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { duplicateFields, JsonSyntaxError, MAX_JSON_DEPTH, parseJson } from "./parse-json.js";

describe("parseJson()", () => {
  it("gives what JSON.parse gives, and no occurrences, for any value written once", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        if (text.includes("__proto__")) return;
        const parsed = parseJson(text);
        expect(parsed.value).toEqual(JSON.parse(text));
        expect(parsed.occurrences.size).toBe(0);
      }),
    );
  });

  it("slow and fast way agree: a duplicate beside any value changes nothing of it", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        if (text.includes("__proto__")) return;
        const parsed = parseJson(`{"a":1,"a":2,"value":${text}}`);
        expect(parsed.value).toEqual({ a: 2, value: JSON.parse(text) });
        expect(parsed.occurrences.size).toBe(1);
      }),
    );
  });

  it("accepts exactly what JSON.parse accepts", () => {
    const outcome = (parse: (text: string) => unknown, text: string): unknown => {
      try {
        return { value: parse(text) };
      } catch {
        return "refused";
      }
    };
    const noise = fc.array(fc.constantFrom(...Array.from('{}[]",:\\u0123e+-.truefalsn \n\tä')));
    fc.assert(
      fc.property(noise, (characters) => {
        const text = characters.join("");
        expect(outcome((one) => parseJson(one).value, text)).toEqual(outcome(JSON.parse, text));
      }),
      { numRuns: 2_000 },
    );
  });

  it("keeps every occurrence of a repeated key, in the order of the text", () => {
    const { value, occurrences } = parseJson('{"x":{"a":1,"b":2,"a":3}}');
    expect(value).toEqual({ x: { a: 3, b: 2 } });
    expect([...occurrences.values()]).toEqual([
      [
        ["a", 1],
        ["b", 2],
        ["a", 3],
      ],
    ]);
  });

  it("sees that two spellings are one key", () => {
    expect(parseJson('{"a":1,"\\u0061":2}').occurrences.size).toBe(1);
  });

  it.each([
    ["", "unexpected end of JSON input"],
    ['{"a":', "unexpected end of JSON input"],
    ["hello", "invalid character 'h' looking for beginning of value"],
    ["{a:1}", "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b":2}', "invalid character '\"' after object key:value pair"],
    ["[1 2]", "invalid character '2' after array element"],
    ["{} x", "invalid character 'x' after top-level value"],
    ["tru3", "invalid character '3' in literal true (expecting 'e')"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ['"\\q"', "invalid character 'q' in string escape code"],
    ['"\\u00g0"', "invalid character 'g' in \\u hexadecimal character escape"],
    ["1.x", "invalid character 'x' after decimal point in numeric literal"],
    ["01", "invalid character '1' after top-level value"],
    ['{"__proto__":{"a":1}}', 'the key "__proto__" is not accepted'],
    ['{"a":1,"a":2,"\\u005f_proto__":{}}', 'the key "__proto__" is not accepted'],
  ])("refuses %s in Go's words", (text, message) => {
    expect(() => parseJson(text)).toThrow(new JsonSyntaxError(message));
  });

  it("refuses what is nested too deep, and takes what is just not", () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    expect(parseJson(nested(MAX_JSON_DEPTH)).value).toBeInstanceOf(Array);
    expect(() => parseJson(nested(MAX_JSON_DEPTH + 1))).toThrow("exceeded max depth");
    expect(() => parseJson("[".repeat(3_000_000))).toThrow("exceeded max depth");
  });
});

describe("duplicateFields()", () => {
  it("names the place of each, in order", () => {
    const text = '{"spec":{"paused":true,"paused":false,"list":[{"a":1},{"b":1,"b":2}]},"spec":{}}';
    expect(duplicateFields(parseJson(text))).toEqual([
      'duplicate field "spec.paused"',
      'duplicate field "spec.list[1].b"',
      'duplicate field "spec"',
    ]);
  });
});

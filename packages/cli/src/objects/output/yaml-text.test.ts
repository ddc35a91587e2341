import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { withoutManagedFields, yamlText } from "./yaml-text.js";

describe("yamlText()", () => {
  it("orders fields, leaves lists unindented and quotes what would be misread", () => {
    const value = {
      kind: "X",
      apiVersion: "v1",
      list: [{ b: 1, a: "1" }, "yes", []],
      octal: "0644",
      sixties: "1:30",
      time: "2026-01-01T00:00:00Z",
      colon: "a: b",
      empty: "",
      block: "one\ntwo\n",
      nothing: null,
      map: {},
    };
    expect(yamlText(value)).toBe(
      [
        "apiVersion: v1",
        "block: |",
        "  one",
        "  two",
        "colon: 'a: b'",
        'empty: ""',
        "kind: X",
        "list:",
        '- a: "1"',
        "  b: 1",
        '- "yes"',
        "- []",
        "map: {}",
        "nothing: null",
        'octal: "0644"',
        'sixties: "1:30"',
        'time: "2026-01-01T00:00:00Z"',
        "",
      ].join("\n"),
    );
  });

  it("gives back the same value to readers of YAML 1.1 and 1.2", () => {
    const misread = fc.constantFrom(
      "y",
      "off",
      "010",
      "0x1f",
      "1e3",
      "~",
      "null",
      "<<",
      "=",
      "0o7",
    );
    const json = fc.dictionary(
      fc
        .oneof(fc.string({ minLength: 1, maxLength: 8 }), misread)
        .filter((key) => key !== "__proto__"),
      fc.oneof(
        fc.string(),
        misread,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(misread),
      ),
    );
    fc.assert(
      fc.property(json, (value) => {
        for (const version of ["1.1", "1.2"] as const) {
          expect(parse(yamlText(value), { version, merge: false })).toEqual(value);
        }
      }),
      { numRuns: 200 },
    );
  });
});

it("withoutManagedFields() takes them from an object and from the items of a list", () => {
  const object = { metadata: { name: "a", managedFields: [{}] } };
  expect(withoutManagedFields(object)).toEqual({ metadata: { name: "a" } });
  expect(withoutManagedFields({ items: [object] })).toEqual({
    items: [{ metadata: { name: "a" } }],
  });
});

import { expect, it } from "vitest";
import { compactJson, prettyJson } from "./json-text.js";

it("compactJson() writes fields by name and escapes as Go does", () => {
  expect(compactJson({ b: [{ d: 1, c: undefined }], a: "<&>\u2028" })).toBe(
    '{"a":"\\u003c\\u0026\\u003e\\u2028","b":[{"d":1}]}',
  );
});

it("prettyJson() indents by four and ends with a newline", () => {
  expect(prettyJson({ b: 1, a: [] })).toBe('{\n    "a": [],\n    "b": 1\n}\n');
});

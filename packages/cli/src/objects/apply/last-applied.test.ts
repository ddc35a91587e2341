import { describe, expect, it } from "vitest";
import { LAST_APPLIED, lastApplied, withLastApplied } from "./last-applied.js";

const MANIFEST = {
  kind: "ConfigMap",
  apiVersion: "v1",
  metadata: { name: "a", namespace: "default" },
  data: { html: "<b>" },
};

describe("withLastApplied()", () => {
  it("records the manifest byte for byte as kubectl does", () => {
    const { metadata } = withLastApplied(MANIFEST);
    expect(metadata.annotations).toEqual({
      [LAST_APPLIED]:
        '{"apiVersion":"v1","data":{"html":"\\u003cb\\u003e"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"a","namespace":"default"}}\n',
    });
  });

  it("records no record of before", () => {
    const once = withLastApplied(MANIFEST);
    expect(withLastApplied(once)).toEqual(once);
  });
});

describe("lastApplied()", () => {
  it("reads what was recorded; undefined where nothing was", () => {
    expect(lastApplied(withLastApplied(MANIFEST))).toMatchObject({ data: { html: "<b>" } });
    expect(lastApplied(MANIFEST)).toBeUndefined();
  });

  it.each(["{", "[]", "1"])("refuses the broken record %s", (record) => {
    const object = { metadata: { name: "a", annotations: { [LAST_APPLIED]: record } } };
    expect(() => lastApplied(object)).toThrow("is not a JSON object");
  });
});

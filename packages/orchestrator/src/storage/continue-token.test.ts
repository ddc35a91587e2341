import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeContinue, encodeContinue } from "./continue-token.js";

describe("continue tokens", () => {
  it("come back as they were", () => {
    fc.assert(
      fc.property(fc.nat(), fc.string(), (version, name) => {
        const token = { version, after: `/configmaps/default/${name}` };
        const text = encodeContinue("/configmaps/default/", token);
        expect(text).toMatch(/^[\w-]+$/);
        expect(decodeContinue("/configmaps/default/", text)).toEqual(token);
      }),
    );
  });

  it("without a version go on with whatever is there", () => {
    const text = encodeContinue("/pods/", { version: undefined, after: "/pods/default/a" });
    expect(decodeContinue("/pods/", text)).toEqual({
      version: undefined,
      after: "/pods/default/a",
    });
  });

  it("stay below the prefix of the list that reads them", () => {
    const text = encodeContinue("/configmaps/", { version: 1, after: "/configmaps/../secrets/x" });
    const { after } = decodeContinue("/secrets/", text);
    expect(after.startsWith("/secrets/")).toBe(true);
  });

  it.each([
    "",
    "x",
    "e30",
    Buffer.from('{"v":"meta.k8s.io/v1","rv":1,"start":"a"}').toString("base64url"),
    Buffer.from('{"v":"sagong/v2","rv":-2,"after":"a"}').toString("base64url"),
    Buffer.from('{"v":"sagong/v2","rv":1.5,"after":"a"}').toString("base64url"),
    Buffer.from('{"v":"sagong/v2","rv":1,"after":{}}').toString("base64url"),
    Buffer.from("null").toString("base64url"),
  ])("%j is refused", (text) => {
    expect(() => decodeContinue("/pods/", text)).toThrow("continue key is not valid");
  });

  it("any text is decoded or refused, and nothing else", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => decodeContinue("/pods/", text)).toThrow("continue key is not valid");
      }),
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cleanText, fitText, textWidth } from "./clean-text.js";

describe("cleanText()", () => {
  it("shows what a terminal would obey", () => {
    expect(cleanText("a\u001b[2Jb\r\n\tc\u0007\u009b31m\u007f")).toBe(
      "a\\x1b[2Jb\\x0d\\n\\tc\\x07\\x9b31m\\x7f",
    );
  });

  it("shows what turns the direction, hides, or breaks lines elsewhere", () => {
    expect(cleanText("key\u202egnp\u200b\u2028\ufeff\ud800")).toBe(
      "key\\u{202e}gnp\\u{200b}\\u{2028}\\u{feff}\\u{d800}",
    );
  });

  it("leaves other scripts and punctuation alone", () => {
    expect(cleanText("사공 m1→m2 <b>&amp;</b> é")).toBe("사공 m1→m2 <b>&amp;</b> é");
  });
});

describe("fitText()", () => {
  it("cuts between characters, and counts those of two columns as two", () => {
    expect(fitText("abc", 5)).toBe("abc  ");
    expect(fitText("abcdef", 4)).toBe("abc…");
    expect(fitText("사공사공", 6)).toBe("사공… ");
    expect(fitText("e\u0301e\u0301", 3)).toBe("e\u0301e\u0301 ");
    expect(fitText("abc", 0)).toBe("");
  });

  it("takes exactly the width for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(40), (text, width) => {
        expect(textWidth(fitText(cleanText(text), width))).toBe(width);
      }),
    );
  });
});

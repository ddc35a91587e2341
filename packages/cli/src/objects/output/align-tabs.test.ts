import { describe, expect, it } from "vitest";
import { alignTabs, DESCRIBE_STYLE, TABLE_STYLE } from "./align-tabs.js";

describe("alignTabs()", () => {
  it("pads each column to its widest cell and leaves the last cell of a line as it is", () => {
    expect(
      alignTabs("NAME\tREADY\tAGE\nweb-1\t1/1\t5s\na-longer-name\t0/1\t10m", TABLE_STYLE),
    ).toBe(
      [
        "NAME            READY   AGE",
        "web-1           1/1     5s",
        "a-longer-name   0/1     10m",
      ].join("\n"),
    );
  });

  it("gives a narrow column its least width", () => {
    expect(alignTabs("A\tB\nx\ty", TABLE_STYLE)).toBe("A     B\nx     y");
  });

  it("begins a new column where a line without it stands between", () => {
    const text = "Name:\tweb\nLabels:\ta=b\nTemplate:\n  Image:\tx\n  Command:\ty";
    expect(alignTabs(text, DESCRIBE_STYLE)).toBe(
      "Name:    web\nLabels:  a=b\nTemplate:\n  Image:    x\n  Command:  y",
    );
  });

  it("aligns an inner column only among lines that share the outer ones", () => {
    expect(alignTabs("a\tbb\tc\nx\ty\nlong\tz\tw", DESCRIBE_STYLE)).toBe(
      "a     bb  c\nx     y\nlong  z  w",
    );
  });

  it("counts characters, not code units", () => {
    expect(alignTabs("뗏목\tx\n🛶\ty", DESCRIBE_STYLE)).toBe("뗏목  x\n🛶   y");
  });
});

import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { addSwitch, collect, goDurationMs, kubectlArguments } from "./arguments.js";

describe("kubectlArguments()", () => {
  it.each([
    [
      ["-o=json", "-n=x"],
      ["-ojson", "-nx"],
    ],
    [
      ["--watch=true", "--wait=false"],
      ["--watch", "--no-wait"],
    ],
    [["-w=true"], ["-w"]],
    [["--no-headers=true"], ["--no-headers"]],
    [["--no-headers=false"], []],
    [
      ["--cascade", "pod"],
      ["--cascade=background", "pod"],
    ],
    [["--cascade=orphan"], ["--cascade=orphan"]],
    [
      ["-l", "a=true"],
      ["-l", "a=true"],
    ],
    [["--selector=a=b"], ["--selector=a=b"]],
    [
      ["--", "--watch=true"],
      ["--", "--watch=true"],
    ],
  ])("%j becomes %j", (given, expected) => {
    expect(kubectlArguments(given, { "--cascade": "background" })).toEqual(expected);
  });
});

it("addSwitch() declares a switch that can be given as true and as false", () => {
  const watching = (...args: string[]): unknown => {
    const program = addSwitch(new Command(), "-w, --watch", "…", true);
    return program.parse(kubectlArguments(args), { from: "user" }).opts()["watch"];
  };
  expect([watching(), watching("-w"), watching("--watch=false"), watching("--watch=true")]).toEqual(
    [true, true, false, true],
  );
});

describe("goDurationMs()", () => {
  it.each([
    ["0", 0],
    ["500ms", 500],
    ["1h30m", 5_400_000],
    ["-1s", -1_000],
    ["1.5s", 1_500],
    ["2m3.5s", 123_500],
  ])("%s is %d ms", (text, ms) => expect(goDurationMs(text)).toBe(ms));

  it.each(["", "5", "s", "1d", "1h 3m", "abc"])("refuses %j", (text) => {
    expect(() => goDurationMs(text)).toThrow("Expected a duration");
  });
});

it("collect() takes a flag several times and lists with commas", () => {
  expect(collect("c,d", collect("a"))).toEqual(["a", "c", "d"]);
});

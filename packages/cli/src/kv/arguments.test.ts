import { describe, expect, it } from "vitest";
import { normalizeArguments } from "./arguments.js";

describe("normalizeArguments", () => {
  it("puts the environment in front, where given flags override it", () => {
    const env = { ETCDCTL_ENDPOINTS: "a:1", ETCDCTL_HEX: "true", ETCDCTL_DEBUG: "0", HOME: "/" };
    expect(normalizeArguments(["get", "x"], env)).toEqual(["--endpoints=a:1", "--hex", "get", "x"]);
    expect(normalizeArguments(["get", "--hex=false"], env)).toEqual(["--endpoints=a:1", "get"]);
  });

  it("understands Go's booleans, before -- only", () => {
    expect(normalizeArguments(["--prefix=t", "--keys-only=F", "--", "--prefix=t"], {})).toEqual([
      "--prefix",
      "--",
      "--prefix=t",
    ]);
    expect(normalizeArguments(["-w=json", "--rev=3"], {})).toEqual(["-w", "json", "--rev=3"]);
    expect(() => normalizeArguments(["--prefix=maybe"], {})).toThrow(
      'invalid argument "maybe" for "--prefix" flag: ' +
        'strconv.ParseBool: parsing "maybe": invalid syntax',
    );
  });
});

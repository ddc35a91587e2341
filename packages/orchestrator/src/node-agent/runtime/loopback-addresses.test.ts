import { describe, expect, it } from "vitest";
import { LoopbackAddresses } from "./loopback-addresses.js";

describe("LoopbackAddresses", () => {
  it("allocate() gives each address once and skips reserved ones", () => {
    const addresses = new LoopbackAddresses("127.70.0.0/16");
    addresses.reserve("127.70.0.2");
    expect([addresses.allocate(), addresses.allocate()]).toEqual(["127.70.0.1", "127.70.0.3"]);
    addresses.release("127.70.0.1");
    expect(addresses.allocate()).toBe("127.70.0.4");
  });

  it("allocate() says so when the range is used up", () => {
    const addresses = new LoopbackAddresses("127.70.0.0/16");
    const all = new Set(Array.from({ length: 65_534 }, () => addresses.allocate()));
    expect(all.size).toBe(65_534);
    expect(all.has("127.70.255.254")).toBe(true);
    expect(() => addresses.allocate()).toThrow("all 65534 of the range are in use");
  });

  it("refuses a range outside 127.0.0.0/8", () => {
    expect(() => new LoopbackAddresses("10.0.0.0/16")).toThrow('Cannot use pod CIDR "10.0.0.0/16"');
  });
});

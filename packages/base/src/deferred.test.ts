import { describe, expect, it } from "vitest";
import { type Consumer, Deferred } from "./deferred.js";

function consumer(): Consumer<string> & { readonly told: string[] } {
  const told: string[] = [];
  return {
    told,
    resolved: (value) => void told.push(value),
    rejected: (error) => void told.push(`refused: ${String(error)}`),
  };
}

describe("Deferred", () => {
  it("resolve() and reject() tell the consumer at once, and only the first counts", () => {
    for (const [settle, told] of [
      [(deferred: Deferred<string>) => deferred.resolve("a"), "a"],
      [(deferred: Deferred<string>) => deferred.reject("no"), "refused: no"],
    ] as const) {
      const deferred = new Deferred<string>();
      const one = consumer();
      deferred.consume(one);
      settle(deferred);
      deferred.resolve("late");
      deferred.reject("late");
      expect(one.told).toEqual([told]);
      expect(deferred.isSettled).toBe(true);
    }
  });

  it("consume() tells what has come before", () => {
    const one = consumer();
    const deferred = new Deferred<string>();
    deferred.resolve("a");
    deferred.consume(one);
    expect(one.told).toEqual(["a"]);
  });

  it("tap() sees the end first and may change the error, before or after it came", () => {
    const seen: string[] = [];
    const tap = {
      resolved: (context: number) => void seen.push(`resolved ${context}`),
      rejected: (error: unknown, context: number) => {
        seen.push(`rejected ${context}`);
        return `mapped ${String(error)}`;
      },
    };
    const early = new Deferred<string>();
    early.tap(tap, 1);
    const one = consumer();
    early.consume(one);
    early.reject("a");
    const late = new Deferred<string>();
    late.reject("b");
    late.tap(tap, 2);
    late.consume(one);
    const good = new Deferred<string>();
    good.resolve("c");
    good.tap(tap, 3);
    expect(seen).toEqual(["rejected 1", "rejected 2", "resolved 3"]);
    expect(one.told).toEqual(["refused: mapped a", "refused: mapped b"]);
  });

  it("is awaited like a promise", async () => {
    const deferred = new Deferred<string>();
    const waiting = (async () => await deferred)();
    deferred.resolve("a");
    expect(await waiting).toBe("a");
    const refused = new Deferred<string>();
    refused.reject(new Error("no"));
    await expect((async () => await refused)()).rejects.toThrow("no");
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Lessor } from "./lessor.js";

const keysOf = (lessor: Lessor, id: bigint): string[] =>
  [...(lessor.get(id)?.keys ?? [])].toSorted();

describe("Lessor", () => {
  it("attach() moves a key from one lease to another, and off all of them", () => {
    const lessor = new Lessor();
    lessor.grant(1n, 10, 0);
    lessor.grant(2n, 10, 0);
    lessor.attach("a", 1n);
    lessor.attach("b", 1n);
    lessor.attach("a", 2n);
    expect([keysOf(lessor, 1n), keysOf(lessor, 2n)]).toEqual([["b"], ["a"]]);
    lessor.attach("a", 0n);
    expect(keysOf(lessor, 2n)).toEqual([]);
  });

  it("revoke() gives the keys in order, and forgets them", () => {
    const lessor = new Lessor();
    lessor.grant(1n, 10, 0);
    for (const key of ["c", "a", "b"]) lessor.attach(key, 1n);
    expect(lessor.revoke(1n)).toEqual(["a", "b", "c"]);
    expect(lessor.revoke(1n)).toEqual([]);
    lessor.grant(1n, 10, 0);
    expect(keysOf(lessor, 1n)).toEqual([]);
  });

  it("renew() never shortens what promote() gave: a former leader may still have renewed", () => {
    const lessor = new Lessor();
    lessor.grant(1n, 5, 0);
    lessor.promote(10_000, 2_000);
    expect(lessor.renew(1n, 10_100)).toBe(5);
    expect(lessor.get(1n)?.expiresMs).toBe(17_000);
    lessor.renew(1n, 14_000);
    expect(lessor.get(1n)?.expiresMs).toBe(19_000);
  });

  it("a key hangs on the lease that it was attached to last, through every order of calls", () => {
    const id = fc.constantFrom(0n, 1n, 2n, 3n);
    const call = fc.oneof(
      fc.record({ kind: fc.constant("attach" as const), key: fc.constantFrom("a", "b", "c"), id }),
      fc.record({ kind: fc.constantFrom("grant" as const, "revoke" as const), id }),
    );
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40 }), (calls) => {
        const lessor = new Lessor();
        const model = new Map<string, bigint>();
        const granted = new Set<bigint>();
        const revoked: [string[], string[]][] = [];
        for (const one of calls) {
          if (one.kind === "attach") {
            // The applier refuses puts with a lease that is not there.
            if (one.id !== 0n && !granted.has(one.id)) continue;
            lessor.attach(one.key, one.id);
            if (one.id === 0n) model.delete(one.key);
            else model.set(one.key, one.id);
          } else if (one.id === 0n) continue;
          else if (one.kind === "grant" && !granted.has(one.id)) {
            granted.add(one.id);
            lessor.grant(one.id, 5, 0);
          } else if (one.kind === "revoke") {
            const mine = [...model].filter(([, owner]) => owner === one.id).map(([key]) => key);
            revoked.push([lessor.revoke(one.id), mine.toSorted()]);
            granted.delete(one.id);
            for (const key of mine) model.delete(key);
          }
        }
        for (const [is, wanted] of revoked) expect(is).toEqual(wanted);
        for (const lease of granted) {
          const mine = [...model].filter(([, owner]) => owner === lease).map(([key]) => key);
          expect(keysOf(lessor, lease)).toEqual(mine.toSorted());
        }
      }),
    );
  });

  it("knows no end of any lease where it does not lead", () => {
    const lessor = new Lessor();
    const lease = lessor.grant(1n, 5, 1_000);
    expect(lessor.expired(1e12, 10)).toEqual([]);
    expect(lessor.remainingSeconds(lease, 1e12)).toBe(5);
    lessor.promote(0, 0);
    lessor.demote();
    expect(lessor.expired(1e12, 10)).toEqual([]);
  });

  it("ends a lease when its time is over on the leader, and not before", () => {
    const lessor = new Lessor();
    lessor.grant(1n, 5, 0);
    lessor.promote(10_000, 2_000);
    lessor.grant(2n, 3, 10_000);
    expect(lessor.expired(12_999, 10)).toEqual([]);
    expect(lessor.expired(13_000, 10)).toEqual([2n]);
    expect(lessor.expired(17_000, 10)).toEqual([2n, 1n]);
    expect(lessor.expired(17_000, 1)).toEqual([2n]);
    expect(lessor.renew(2n, 17_000)).toBe(3);
    expect(lessor.expired(19_999, 10)).toEqual([1n]);
    expect(lessor.renew(9n, 0)).toBeUndefined();
  });

  it("tells whole seconds that are left, and never less than none", () => {
    const lessor = new Lessor();
    lessor.promote(0, 0);
    const lease = lessor.grant(1n, 5, 0);
    expect([1, 1_001, 4_999, 5_000, 9_000].map((ms) => lessor.remainingSeconds(lease, ms))).toEqual(
      [4, 3, 0, 0, 0],
    );
  });

  it("lists leases in order of their ids, as numbers", () => {
    const lessor = new Lessor();
    for (const id of [10n, 9n, 2n ** 62n]) lessor.grant(id, 5, 0);
    expect(lessor.all().map(({ id }) => id)).toEqual([9n, 10n, 2n ** 62n]);
    expect(lessor.size).toBe(3);
  });

  it("adopt() takes over leases and keys, without ends where nobody leads", () => {
    const [lessor, image] = [new Lessor(), new Lessor()];
    lessor.grant(1n, 5, 0);
    image.grant(2n, 5, 0);
    image.attach("a", 2n);
    lessor.adopt(image);
    expect(lessor.get(1n)).toBeUndefined();
    expect(lessor.revoke(2n)).toEqual(["a"]);
  });
});

/** What every `Backend` must do; `name` is its own, `create` makes an empty one. */
import { decodeUtf8, encodeUtf8 } from "@sagong/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Backend } from "../mvcc/backend.js";

export interface BackendFixture {
  readonly backend: Backend;
  /** What is there after all that is committed, in order of keys; a restart of a durable one. */
  reopened(): Promise<readonly (readonly [Uint8Array, Uint8Array])[]>;
  remove(): Promise<void>;
}

type Step =
  | { readonly kind: "put"; readonly key: string; readonly value: string }
  | { readonly kind: "delete"; readonly key: string }
  | { readonly kind: "commit" };

const key = fc.constantFrom("", "a", "b", "ab", "\u0000", "é");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("put" as const), key, value: fc.string({ maxLength: 5 }) }),
  fc.record({ kind: fc.constant("delete" as const), key }),
  fc.record({ kind: fc.constant("commit" as const) }),
);

export function backendSuite(name: string, create: () => Promise<BackendFixture>): void {
  const test = (title: string, run: (fixture: BackendFixture) => Promise<void>): void => {
    it(title, async () => {
      const fixture = await create();
      try {
        await run(fixture);
      } finally {
        await fixture.remove();
      }
    });
  };

  describe(name, () => {
    test("get() sees a write at once, the last one of a key, and no deleted one", async (fixture) => {
      const { backend } = fixture;
      const [a, b] = [encodeUtf8("a"), encodeUtf8("b")];
      expect(backend.get(a)).toBeUndefined();
      backend.put(a, encodeUtf8("1"));
      expect(backend.get(a)).toEqual(encodeUtf8("1"));
      backend.commit();
      expect(backend.get(a)).toEqual(encodeUtf8("1"));
      backend.put(a, encodeUtf8("2"));
      backend.put(b, encodeUtf8("3"));
      backend.delete(b);
      expect(backend.get(a)).toEqual(encodeUtf8("2"));
      expect(backend.get(b)).toBeUndefined();
    });

    test("an empty value is a value", async ({ backend }) => {
      backend.put(encodeUtf8("a"), new Uint8Array(0));
      backend.commit();
      expect(backend.get(encodeUtf8("a"))).toEqual(new Uint8Array(0));
    });

    test("keys are told apart byte by byte, and come in order of bytes", async (fixture) => {
      const { backend } = fixture;
      const keys = [[1], [1, 0], [0x7f], [0x80], [0xff], [0xff, 0]].map((k) => Uint8Array.from(k));
      for (const one of keys.toReversed()) backend.put(one, one);
      backend.commit();
      for (const one of keys) expect(backend.get(one)).toEqual(one);
      expect((await fixture.reopened()).map(([k]) => [...k])).toEqual(keys.map((k) => [...k]));
    });

    test("is a map, through every order of writes and commits", async (fixture) => {
      const { backend } = fixture;
      const model = new Map<string, string>();
      fc.assert(
        fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
          for (const one of steps) {
            if (one.kind === "commit") backend.commit();
            else if (one.kind === "delete") {
              backend.delete(encodeUtf8(`k${one.key}`));
              model.delete(one.key);
            } else {
              backend.put(encodeUtf8(`k${one.key}`), encodeUtf8(one.value));
              model.set(one.key, one.value);
            }
          }
          for (const known of ["", "a", "b", "ab", "\u0000", "é"]) {
            const value = backend.get(encodeUtf8(`k${known}`));
            expect(value && decodeUtf8(value)).toBe(model.get(known));
          }
        }),
        { numRuns: 50 },
      );
      backend.commit();
      const pairs = (await fixture.reopened()).map(([k, v]) => [decodeUtf8(k), decodeUtf8(v)]);
      expect(new Map(pairs as [string, string][])).toEqual(
        new Map([...model].map(([k, v]) => [`k${k}`, v])),
      );
    });
  });
}

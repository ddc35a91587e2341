import { expect, it } from "vitest";
import { mutantNamed } from "./catalogue.js";
import { renderHunted } from "./hunt-table.js";

it("renderHunted() gives each mutant an aligned row, and counts the caught", () => {
  const table = renderHunted([
    {
      mutant: mutantNamed("read-before-applied"),
      verdict: { kind: "caught", guarantee: "linearizable", seed: 12, text: "" },
      tookMs: 1_234,
    },
    {
      mutant: mutantNamed("two-images-at-once"),
      verdict: { kind: "survived", seeds: 40, isAlive: false },
      tookMs: 30_000,
    },
    {
      mutant: mutantNamed("lease-never-ends"),
      verdict: { kind: "caught", guarantee: "hash-kv", seed: 1, text: "" },
      tookMs: 900,
    },
  ]);

  expect(table.split("\n")).toEqual([
    "mutant               class            caught by                                  seed  seconds",
    "read-before-applied  own: stale read  linearizable                                 12      1.2",
    "two-images-at-once   etcd #18055      SURVIVED 40 seeds: its runs do not differ     -     30.0",
    "lease-never-ends     own: lease       hash-kv (not expected)                        1      0.9",
    "",
    "2 of 3 mutants caught; of etcd's classes 0 of 1",
  ]);
});

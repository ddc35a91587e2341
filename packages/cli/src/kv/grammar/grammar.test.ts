import { encodeUtf8 } from "@sagong/base";
import { CompareResult, CompareTarget } from "@sagong/kv/client";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KvError } from "../kv-error.js";
import { parseCompare } from "./parse-compare.js";
import { parseOperation } from "./parse-operation.js";
import { readTransaction } from "./read-transaction.js";
import { splitWords } from "./split-words.js";

/** The refusal of `action`, as exit code and sentence. */
function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof KvError) return `${error.exitCode} ${error.message}`;
    throw error;
  }
  return "none";
}

describe("splitWords", () => {
  it("splitWords() keeps quoted words whole", () => {
    expect(splitWords(String.raw`put "a b" 'c "d'  e"f "\x00\t" ""`)).toEqual([
      "put",
      "a b",
      'c "d',
      'e"f',
      "\0\t",
      "",
    ]);
  });

  it("splitWords() refuses quotes that do not end", () => {
    expect(refusal(() => splitWords('put a "b'))).toBe(
      '3 invalid syntax: put a "b: expected a quoted string at column 7',
    );
    expect(refusal(() => splitWords("put 'a"))).toMatch(/^3 invalid syntax/);
  });

  it("splitWords() gives back words that were joined by spaces", () => {
    const word = fc.stringMatching(/^[a-z0-9/=-]+$/);
    fc.assert(
      fc.property(fc.array(word), (words) => {
        expect(splitWords(words.join("  "))).toEqual(words);
      }),
    );
  });
});

describe("parseCompare", () => {
  it.each([
    ['value("t") = "1"', { target: CompareTarget.VALUE, result: CompareResult.EQUAL }],
    ['val("t") != "1"', { target: CompareTarget.VALUE, result: CompareResult.NOT_EQUAL }],
    ['mod("t") > "1"', { target: CompareTarget.MOD, result: CompareResult.GREATER }],
    ['m( "t") < "1" ignored', { target: CompareTarget.MOD, result: CompareResult.LESS }],
    ['c("t")  =  `1`', { target: CompareTarget.CREATE, result: CompareResult.EQUAL }],
    ['ver("t") = "1"', { target: CompareTarget.VERSION, result: CompareResult.EQUAL }],
    ['lease("t") = "1"', { target: CompareTarget.LEASE, result: CompareResult.EQUAL }],
  ])("parseCompare() understands %s", (line, { target, result }) => {
    const compare = parseCompare(line);
    expect(compare).toMatchObject({ target, result, key: encodeUtf8("t") });
    const isBytes = target === CompareTarget.VALUE;
    const isLease = target === CompareTarget.LEASE;
    expect(compare.targetUnion?.value).toEqual(isBytes ? encodeUtf8("1") : isLease ? 1n : 1);
  });

  // The sentences are those of etcdctl 3.4.23, except for the operator, at which it panics.
  it.each([
    ['value "t" = 1', 'malformed comparison: value "t" = 1'],
    ['value("t" = "1"', 'malformed comparison: value("t" = "1"; got value("t")  ""'],
    ['value(t) = "1"', 'malformed comparison: value(t) = "1"; got value("")  ""'],
    ['value("t") = 1', 'malformed comparison: value("t") = 1; got value("t") = ""'],
    ['ver("t")="1"', 'malformed comparison: ver("t")="1"; got ver("t")  ""'],
    ['ver("t") ="1"', 'malformed comparison: ver("t") ="1"; got ver("t") ="1" ""'],
    ['x("t") = "1"', 'malformed comparison: x("t") = "1" (unknown target x)'],
    ['ver("t") = "x"', 'invalid txn compare request: ver("t") = "x"'],
    ['lease("t") = "x"', 'invalid txn compare request: lease("t") = "x"'],
    [
      'ver("t") >= "1"',
      'malformed comparison: ver("t") >= "1" (unknown operator >=, expected =, !=, > or <)',
    ],
  ])("parseCompare() refuses %s", (line, sentence) => {
    expect(refusal(() => parseCompare(line))).toBe(`3 ${sentence}`);
  });
});

describe("parseOperation", () => {
  it("parseOperation() reads keys, values and flags", () => {
    expect(parseOperation('put "a b" --lease=1f --prev-kv "c\\td"').request).toMatchObject({
      kind: "requestPut",
      value: { key: encodeUtf8("a b"), value: encodeUtf8("c\td"), lease: 0x1fn, prevKv: true },
    });
    expect(parseOperation("get foo --prefix --rev 7 --keys-only").request).toMatchObject({
      kind: "requestRange",
      value: {
        key: encodeUtf8("foo"),
        rangeEnd: encodeUtf8("fop"),
        revision: 7,
        keysOnly: true,
      },
    });
    expect(parseOperation("del a z").request).toMatchObject({
      kind: "requestDeleteRange",
      value: { key: encodeUtf8("a"), rangeEnd: encodeUtf8("z") },
    });
    expect(parseOperation("put a -- -x").request?.value).toMatchObject({
      value: encodeUtf8("-x"),
    });
  });

  it.each([
    ["get", "3 invalid txn compare request: get"],
    ["bogus a", "3 invalid txn request: bogus a"],
    ["get a --bogus", "3 invalid txn request: get a --bogus"],
    ["get a --help", "3 invalid txn request: get a --help"],
    ["get f -w json", "3 invalid txn request: get f -w json"],
    ["put a", "128 put command needs 1 argument and input from stdin or 2 arguments"],
    [
      "get a --prefix --from-key",
      "128 `--prefix` and `--from-key` cannot be set at the same time, choose one",
    ],
  ])("parseOperation() refuses %s", (line, sentence) => {
    expect(refusal(() => parseOperation(line))).toBe(sentence);
  });
});

describe("readTransaction", () => {
  async function read(text: string) {
    const lines = text.split("\n").slice(0, -1);
    const prompts: string[] = [];
    const request = await readTransaction({
      readLine: () => Promise.resolve(lines.shift()),
      prompt: (prompt) => prompts.push(prompt),
    });
    return { request, prompts };
  }

  it("readTransaction() reads three parts that empty lines end", async () => {
    const { request, prompts } = await read('mod("a") = "1"\n\n put a 1\r\nget a\n\nget b\n\n');
    expect(request.compare).toHaveLength(1);
    expect(request.success.map((op) => op.request?.kind)).toEqual(["requestPut", "requestRange"]);
    expect(request.failure.map((op) => op.request?.kind)).toEqual(["requestRange"]);
    expect(prompts).toEqual([
      "compares:",
      "success requests (get, put, del):",
      "failure requests (get, put, del):",
    ]);
  });

  it("readTransaction() refuses an input that ends before the third part", async () => {
    for (const text of ["", "\n\nget a\n"]) {
      await expect(read(text)).rejects.toThrow(new KvError(3, "EOF"));
    }
  });
});

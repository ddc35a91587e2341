/**
 * A transaction read line by line: comparisons, an empty line, requests for when they hold, an
 * empty line, requests for when they do not, an empty line.
 */
import { TxnRequest } from "@sagong/kv/client";
import { KV_EXIT, KvError } from "../kv-error.js";
import { parseCompare } from "./parse-compare.js";
import { parseOperation } from "./parse-operation.js";

export interface TransactionSource {
  /** The next line as a byte string, without its end; undefined at the end of the input. */
  readonly readLine: () => Promise<string | undefined>;
  /** Told before each of the three parts. */
  readonly prompt: (text: string) => void;
}

/** More lines than any store takes in one transaction (our store's own limit is a million). */
const LINES_MAX = 1_000_000;

/** Throws `KvError` where a line is not understood, or the input ends before the third part. */
export async function readTransaction(source: TransactionSource): Promise<TxnRequest> {
  source.prompt("compares:");
  const compare = await readPart(source, parseCompare);
  source.prompt("success requests (get, put, del):");
  const success = await readPart(source, parseOperation);
  source.prompt("failure requests (get, put, del):");
  const failure = await readPart(source, parseOperation);
  return TxnRequest.create({ compare, success, failure });
}

async function readPart<T>(
  { readLine }: TransactionSource,
  parse: (line: string) => T,
): Promise<readonly T[]> {
  const items: T[] = [];
  for (;;) {
    const line = await readLine();
    if (line === undefined) throw new KvError(KV_EXIT.invalidInput, "EOF");
    const text = line.trim();
    if (text === "") return items;
    if (items.length >= LINES_MAX) {
      const message = `too many lines in a part of a transaction, expected at most ${LINES_MAX}`;
      throw new KvError(KV_EXIT.invalidInput, message);
    }
    items.push(parse(text));
  }
}

/**
 * What clients ask for: reads, writes, deletes and transactions on a few keys, so that clients meet.
 * After some hundred requests the keys are new ones: the history of a key stays short enough to be
 * checked, however long the run is.
 */
import { prefixEnd, type Random, decodeUtf8, encodeUtf8, randomBelow } from "@sagong/base";
import type { KvRequest, KvResponse, TxnCompare, TxnStep } from "@sagong/robustness";

export const PREFIX = "chaos/";
const KEYS = 6;
/** Of all clients together, on one set of keys. */
const REQUESTS_PER_ERA = 400;

export class RequestChoice {
  /** What somebody last saw under each key of the era: what transactions expect. */
  readonly #seen = new Map<string, number>();
  #count = 0;

  /** `unique` is written nowhere else in the run (H2). */
  choose(random: Random, unique: string): KvRequest {
    const count = this.#count++;
    if (count % REQUESTS_PER_ERA === 0) this.#seen.clear();
    const era = `${PREFIX}kv/${Math.floor(count / REQUESTS_PER_ERA)}/`;
    const key = era + randomBelow(random, KEYS);
    const other = era + randomBelow(random, KEYS);
    const percent = randomBelow(random, 100);
    if (percent < 26) return { kind: "range", key };
    if (percent < 30) return { kind: "range", key: era, rangeEnd: textAfter(era) };
    if (percent < 35) return { kind: "range", key, serializable: true };
    if (percent < 58) return { kind: "put", key, value: unique };
    if (percent < 64) return { kind: "put", key, value: unique, prevKv: true };
    if (percent < 72) return { kind: "delete", key, prevKv: percent % 2 === 0 };
    const put: TxnStep = { kind: "put", key, value: unique };
    const read: TxnStep = { kind: "range", key };
    const more: readonly TxnStep[] =
      percent < 90 || other === key
        ? []
        : percent < 95
          ? [{ kind: "put", key: other, value: `${unique}-other` }]
          : [{ kind: "delete", key: other }];
    return {
      kind: "txn",
      compares: [this.#expectation(key)],
      success: [put, ...more],
      failure: [read],
    };
  }

  note(response: KvResponse): void {
    const answers = response.kind === "txn" ? response.answers : [response];
    for (const answer of answers) {
      if (answer.kind !== "range") continue;
      for (const { key, modRevision } of answer.kvs) this.#seen.set(key, modRevision);
    }
  }

  #expectation(key: string): TxnCompare {
    return { key, target: "mod", result: "=", operand: this.#seen.get(key) ?? 0 };
  }
}

/** The end of the range of all keys that begin so. */
export function textAfter(prefix: string): string {
  return decodeUtf8(prefixEnd(encodeUtf8(prefix)));
}

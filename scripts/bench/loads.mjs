// @ts-check
/** The loads that both clusters are put under. */
import { PutRequest, RangeRequest } from "@sagong/kv/client";

/**
 * @typedef {object} Load
 * @property {string} name
 * @property {"Put" | "Range"} method of etcdserverpb.KV
 * @property {Uint8Array} message the encoded request
 * @property {number} inFlight calls under way at once
 * @property {number | undefined} requests undefined: as many as fill the time
 */

/** One key, since h2load repeats one request. */
export const KEY = new TextEncoder().encode("bench/key-0001");

/**
 * Those whose names are or contain one of `words`.
 * @param {{ valueBytes: number, words: readonly string[], requests: number | undefined }} options
 * @returns {Load[]}
 */
export function loadsOf({ valueBytes, words, requests }) {
  const value = valueOf(valueBytes);
  const put = PutRequest.encode(PutRequest.create({ key: KEY, value }));
  const linearizable = RangeRequest.encode(RangeRequest.create({ key: KEY }));
  const serializable = RangeRequest.encode(RangeRequest.create({ key: KEY, serializable: true }));
  /** @type {Load[]} */
  const all = [
    ...[1, 100, 1000].map((inFlight) => ({
      name: `put@${inFlight}`,
      method: /** @type {const} */ ("Put"),
      message: put,
      inFlight,
      requests,
    })),
    {
      name: "range linearizable@100",
      method: "Range",
      message: linearizable,
      inFlight: 100,
      requests,
    },
    {
      name: "range serializable@100",
      method: "Range",
      message: serializable,
      inFlight: 100,
      requests,
    },
  ];
  const names = all.map(({ name }) => name);
  return all.filter(({ name }) =>
    words.some((word) => name === word || (name.includes(word) && !names.includes(word))),
  );
}

/** @param {number} bytes */
export function valueOf(bytes) {
  return new Uint8Array(bytes).fill(0x78);
}

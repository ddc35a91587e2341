/**
 * Range: the one read, with every field that etcd has and its quirks (facts in the API's docs), as
 * decoded pairs: for transactions, and for what is sorted or filtered. See range-cursor.ts for the rest.
 */
import { compareBytes } from "@sagong/base";
import type { KeyValue } from "../gen/kv.js";
import { type RangeRequest, RangeResponse, SortOrder, SortTarget } from "../gen/rpc.js";
import { toBinaryString } from "../mvcc/binary-string.js";
import { keyRange } from "../mvcc/key-index.js";
import type { MvccStore } from "../mvcc/mvcc-store.js";

/**
 * The response without its header. Throws `StoreError`. `latest` is what no or the zero revision
 * means: inside a transaction, what it has written so far.
 */
export function range(
  store: MvccStore,
  request: RangeRequest,
  { latest }: { readonly latest: number } = { latest: store.revision },
): RangeResponse {
  const revision = request.revision > 0 ? store.readRevision(request.revision) : latest;
  const keys = keyRange(toBinaryString(request.key), toBinaryString(request.rangeEnd));
  const limit = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
  const fetch = fetchCount(request, limit);
  const found: KeyValue[] = [];
  // The index knows how many there are at present; of the past, each key must be looked at.
  const known = store.isPresent(revision) ? store.index.countLive(keys) : undefined;
  let visited = 0;
  if (known === undefined || fetch > 0) {
    store.forEachAt(keys, revision, (_key, history, position) => {
      visited++;
      if (found.length < fetch) found.push(store.valueAt(history, position));
      return known !== undefined && found.length >= fetch;
    });
  }
  const count = known ?? visited;
  if (request.countOnly) return RangeResponse.create({ count });
  const filtered = isFiltered(request);
  const passing = filtered ? found.filter((kv) => passes(request, kv)) : found;
  const result = sorts(request) ? sort(passing, request) : passing;
  const matching = filtered ? result.length : count;
  const kvs = result.slice(0, Math.min(limit, result.length));
  return RangeResponse.create({
    kvs: request.keysOnly ? kvs.map(withoutValue) : kvs,
    more: matching > kvs.length,
    count,
  });
}

/**
 * Filters and orders come before the cut, so they need all; else only what is asked for is fetched.
 * etcd's quirk, kept: a target without an order sorts what the cut and one more would leave.
 */
function fetchCount(request: RangeRequest, limit: number): number {
  if (request.countOnly) return 0;
  if (isFiltered(request) || request.sortOrder !== SortOrder.NONE) return Number.POSITIVE_INFINITY;
  return sorts(request) ? limit + 1 : limit;
}

const NO_VALUE = new Uint8Array(0);

function withoutValue(kv: KeyValue): KeyValue {
  return { ...kv, value: NO_VALUE };
}

function isFiltered(request: RangeRequest): boolean {
  return (
    request.minModRevision !== 0 ||
    request.maxModRevision !== 0 ||
    request.minCreateRevision !== 0 ||
    request.maxCreateRevision !== 0
  );
}

function passes(request: RangeRequest, kv: KeyValue): boolean {
  const within = (value: number, min: number, max: number): boolean =>
    (min === 0 || value >= min) && (max === 0 || value <= max);
  return (
    within(kv.modRevision, request.minModRevision, request.maxModRevision) &&
    within(kv.createRevision, request.minCreateRevision, request.maxCreateRevision)
  );
}

/** Keys come in ascending order by themselves. */
function sorts({ sortOrder, sortTarget }: RangeRequest): boolean {
  if (sortTarget === SortTarget.KEY) return sortOrder === SortOrder.DESCEND;
  return true;
}

function sort(kvs: KeyValue[], { sortOrder, sortTarget }: RangeRequest): KeyValue[] {
  const compare = comparison(sortTarget);
  // NONE with another target than the key sorts ascending (etcd's quirk, kept).
  const sign = sortOrder === SortOrder.DESCEND ? -1 : 1;
  return kvs.sort((a, b) => sign * compare(a, b));
}

function comparison(target: number): (a: KeyValue, b: KeyValue) => number {
  switch (target) {
    case SortTarget.VERSION:
      return (a, b) => a.version - b.version;
    case SortTarget.CREATE:
      return (a, b) => a.createRevision - b.createRevision;
    case SortTarget.MOD:
      return (a, b) => a.modRevision - b.modRevision;
    case SortTarget.VALUE:
      return (a, b) => compareBytes(a.value, b.value);
    default:
      return (a, b) => compareBytes(a.key, b.key);
  }
}

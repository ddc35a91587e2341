// @ts-check
/** Times in buckets that grow by 1 %: any number of them in 17 KB, and quantiles within 1 %. */

const GROWTH = 1.01;
const PER_LN = 1 / Math.log(GROWTH);
/** 1 µs to more than a quarter of an hour. */
const BUCKETS = 2_100;
const MICROS = 1_000;
/** A logarithm an event would be a fifteenth of a client's time: from here up to 4 s they are looked up. */
const LOOKED_UP_MICROS = 1_024;
const FINE_MICROS = 65_536;
const COARSE_SHIFT = 6;
const FINE_BUCKETS = Uint16Array.from({ length: FINE_MICROS }, (_, micros) => bucketOf(micros));
const COARSE_BUCKETS = Uint16Array.from({ length: FINE_MICROS }, (_, i) =>
  bucketOf((i + 0.5) * 2 ** COARSE_SHIFT),
);

export class Histogram {
  #counts = new Float64Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #max = 0;

  get count() {
    return this.#count;
  }

  /** @param {number} ms @param {number} [times] */
  record(ms, times = 1) {
    const bucket = /** @type {number} */ (lookUp(ms * MICROS));
    this.#counts[bucket] = /** @type {number} */ (this.#counts[bucket]) + times;
    this.#count += times;
    this.#sum += ms * times;
    if (ms > this.#max) this.#max = ms;
  }

  /** @returns {number} milliseconds; NaN where nothing was recorded @param {number} share as in 0.99 */
  quantile(share) {
    if (this.#count === 0) return Number.NaN;
    const wanted = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += /** @type {number} */ (this.#counts[bucket]);
      if (seen >= wanted) return Math.min(this.#max, Math.exp(bucket / PER_LN) / MICROS);
    }
    return this.#max;
  }

  summary() {
    return {
      meanMs: this.#sum / this.#count,
      p50Ms: this.quantile(0.5),
      p99Ms: this.quantile(0.99),
      maxMs: this.#count === 0 ? Number.NaN : this.#max,
    };
  }
}

/** @param {number} micros */
function lookUp(micros) {
  if (micros < LOOKED_UP_MICROS) return bucketOf(micros);
  if (micros < FINE_MICROS - 1) return FINE_BUCKETS[Math.round(micros)];
  const coarse = Math.floor(micros / 2 ** COARSE_SHIFT);
  return coarse < FINE_MICROS ? COARSE_BUCKETS[coarse] : bucketOf(micros);
}

/** @param {number} micros */
function bucketOf(micros) {
  return micros <= 1 ? 0 : Math.min(BUCKETS - 1, Math.round(Math.log(micros) * PER_LN));
}

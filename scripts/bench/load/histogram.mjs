// @ts-check
/** Times in buckets that grow by 1 %: any number of them in 17 KB, and quantiles within 1 %. */

const GROWTH = 1.01;
const PER_LN = 1 / Math.log(GROWTH);
/** 1 µs to more than a quarter of an hour. */
const BUCKETS = 2_100;
const MICROS = 1_000;

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
    const micros = ms * MICROS;
    const bucket = micros <= 1 ? 0 : Math.min(BUCKETS - 1, Math.round(Math.log(micros) * PER_LN));
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

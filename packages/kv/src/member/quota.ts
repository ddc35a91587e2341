/**
 * The space quota: refuses what would need space before it enters the log, so that a refusal has no
 * effect (etcd applies the write that trips its quota and then reports an error). The alarm is this
 * member's own view of its size, raised and cleared by measuring, without an operator.
 */
import { type Clock, errorText, type Logger, type Timer } from "@sagong/base";
import { StoreError } from "../apply/store-error.js";
import type { RequestOp, TxnRequest } from "../gen/rpc.js";

export interface QuotaOptions {
  /** Negative: no limit. */
  readonly quotaBytes: number;
  readonly sizeBytes: () => Promise<number>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** etcd's costs: what an operation takes in the database besides its key and value. */
const PUT_OVERHEAD_BYTES = 256;
const LEASE_BYTES = 64;
/** How often the size is measured. Between measurements what is admitted is added up. */
const MEASURE_MS = 1_000;
/** The alarm is cleared below this share of the quota, so that it does not flicker. */
const CLEAR_SHARE = 0.95;

export class Quota {
  readonly #options: QuotaOptions;
  #measuredBytes = 0;
  #admittedBytes = 0;
  #alarmed = false;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: QuotaOptions) {
    this.#options = options;
  }

  /** Measures once, and then each second until `close`. */
  async start(): Promise<void> {
    await this.#measure();
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  get sizeBytes(): number {
    return this.#measuredBytes;
  }

  get isAlarmed(): boolean {
    return this.#alarmed;
  }

  /** Throws `StoreError` "database space exceeded" where `costBytes` do not fit. */
  admit(costBytes: number): void {
    const { quotaBytes, logger } = this.#options;
    if (quotaBytes < 0 || costBytes === 0) return;
    const size = this.#measuredBytes + this.#admittedBytes + costBytes;
    if (!this.#alarmed && size <= quotaBytes) {
      this.#admittedBytes += costBytes;
      return;
    }
    if (!this.#alarmed) {
      this.#alarmed = true;
      logger.warn("space quota exceeded: writes are refused until space is free", {
        sizeBytes: size,
        quotaBytes,
      });
    }
    throw new StoreError("noSpace");
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.schedule(MEASURE_MS, () => {
      void this.#measure().then(() => this.#schedule());
    });
  }

  /** Never rejects: an old measurement is better than none. */
  async #measure(): Promise<void> {
    const { sizeBytes, quotaBytes, logger } = this.#options;
    // What is admitted while measuring may not be counted in it: it is carried over.
    this.#admittedBytes = 0;
    try {
      this.#measuredBytes = await sizeBytes();
    } catch (error) {
      if (!this.#closed) logger.warn("store size not measured", { error: errorText(error) });
      return;
    }
    if (this.#alarmed && this.#measuredBytes <= quotaBytes * CLEAR_SHARE) {
      this.#alarmed = false;
      logger.info("space is free again: writes are taken", { sizeBytes: this.#measuredBytes });
    }
  }
}

export function putCostBytes(request: {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}): number {
  return PUT_OVERHEAD_BYTES + request.key.length + request.value.length;
}

export const LEASE_COST_BYTES: number = LEASE_BYTES;

/** The dearer branch; nothing where neither puts. */
export function txnCostBytes({ success, failure }: TxnRequest): number {
  return Math.max(opsCostBytes(success), opsCostBytes(failure));
}

function opsCostBytes(ops: readonly RequestOp[]): number {
  let bytes = 0;
  for (const { request } of ops) {
    if (request?.kind === "requestPut") bytes += putCostBytes(request.value);
    else if (request?.kind === "requestTxn") bytes += txnCostBytes(request.value);
  }
  return bytes;
}

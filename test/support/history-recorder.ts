/**
 * Clients of the store whose every operation is written down, with what became of it, in the
 * language of the linearizability check. Calls and returns are numbered in the order in which this
 * process sees them, which is sharper than any clock.
 */
import type { StoreClient } from "@sagong/kv/client";
import type { KeyOperation, KvSpan } from "@sagong/robustness";
import { RpcError, StatusCode } from "@sagong/rpc";
import { performOperation } from "./perform-operation.js";

export interface Acknowledged {
  readonly calledMs: number;
  readonly returnedMs: number;
}

export class HistoryRecorder {
  readonly spans: KvSpan[] = [];
  /** Writes, transactions that wrote nothing included. */
  acknowledgedCount = 0;
  #onAcknowledged: (times: Acknowledged) => void = () => {};
  #moment = 0;

  /** Resolves with the first write that was called from now on and acknowledged. */
  nextAcknowledged(): Promise<Acknowledged> {
    const sinceMs = performance.now();
    return new Promise((resolve) => {
      this.#onAcknowledged = (times) => {
        if (times.calledMs >= sinceMs) resolve(times);
      };
    });
  }

  /** Does `operation` and records it. An error that is not the store's is thrown. */
  async run(
    client: StoreClient,
    who: { readonly client: string; readonly key: string },
    operation: KeyOperation,
  ): Promise<KeyOperation> {
    const calledAt = ++this.#moment;
    const calledMs = performance.now();
    try {
      const done = await performOperation(client, who.key, operation);
      this.spans.push({ ...who, calledAt, returnedAt: ++this.#moment, operation: done });
      if (done.kind !== "get") {
        this.acknowledgedCount++;
        this.#onAcknowledged({ calledMs, returnedMs: performance.now() });
      }
      return done;
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      const mayHaveBeenDone = !wasNotSent(error) && operation.kind !== "get";
      if (mayHaveBeenDone) {
        this.spans.push({ ...who, calledAt, returnedAt: undefined, operation });
      }
      return operation;
    }
  }
}

/** Nobody listened. Every other refusal may hide an effect. */
function wasNotSent({ code, message }: RpcError): boolean {
  return code === StatusCode.unavailable && message.includes("ECONNREFUSED");
}

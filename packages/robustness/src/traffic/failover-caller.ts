/**
 * Calls over the store's own client, with a channel to each member: reads are repeated at the next
 * member, writes only where they surely did not arrive. What it repeats wrongly shows in the history as
 * one value written twice.
 */
import { createStoreClient, type StoreClient } from "@sagong/kv/client";
import type { KvRequest, KvResponse, Outcome } from "../history/history.js";
import {
  compactAnswer,
  deleteAnswer,
  putAnswer,
  rangeAnswer,
  toCompaction,
  toDelete,
  toPut,
  toRange,
  toTxn,
  txnAnswer,
} from "../history/wire.js";
import type { TrafficClient } from "./traffic-client.js";

/** Stands in the history where the client alone knows which member it was. */
export const ANY_MEMBER = "any";

export class FailoverCaller {
  readonly #owner: TrafficClient;
  readonly #client: StoreClient;

  constructor(owner: TrafficClient) {
    const { members, clock } = owner.run.surroundings;
    this.#owner = owner;
    const channels = members.map((member) => owner.channel(member));
    this.#client = createStoreClient({ channels }, { clock });
  }

  async perform(request: KvRequest): Promise<Outcome> {
    const { run, name } = this.#owner;
    const operation = run.recorder.call({ client: name, member: ANY_MEMBER }, request);
    try {
      const response = await this.#call(request);
      run.learn(response);
      return operation.answered(response);
    } catch (error) {
      return operation.failed(error);
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #call(request: KvRequest): Promise<KvResponse> {
    const options = { timeoutMs: this.#owner.timeoutMs() };
    switch (request.kind) {
      case "range":
        return rangeAnswer(await this.#client.range(toRange(request), options));
      case "put":
        return putAnswer(await this.#client.put(toPut(request), options));
      case "delete":
        return deleteAnswer(await this.#client.deleteRange(toDelete(request), options));
      case "txn":
        return txnAnswer(await this.#client.txn(toTxn(request), options));
      case "compact":
        return compactAnswer(await this.#client.compact(toCompaction(request), options));
    }
  }
}

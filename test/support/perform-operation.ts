/** One operation of a history, done on a real store. */
import { decodeUtf8, encodeUtf8 } from "@sagong/base";
import {
  Compare,
  CompareResult,
  CompareTarget,
  PutRequest,
  RangeRequest,
  type StoreClient,
  TxnRequest,
} from "@sagong/kv/client";
import type { Comparison, Found, KeyOperation } from "@sagong/robustness";

/** Shorter than the store's own limit: a client whose member has lost its leader goes on. */
const CALL_TIMEOUT_MS = 3_000;
const OPTIONS = { timeoutMs: CALL_TIMEOUT_MS } as const;

/** The operation with its outcome. Rejects with `RpcError`. */
export async function performOperation(
  client: StoreClient,
  keyText: string,
  operation: KeyOperation,
): Promise<KeyOperation> {
  const key = encodeUtf8(keyText);
  switch (operation.kind) {
    case "put": {
      const { header } = await client.put({ key, value: encodeUtf8(operation.value) }, OPTIONS);
      return { ...operation, outcome: { revision: revisionOf(header) } };
    }
    case "delete": {
      const { header, deleted } = await client.deleteRange({ key }, OPTIONS);
      return { ...operation, outcome: { revision: revisionOf(header), wasThere: deleted > 0 } };
    }
    case "get": {
      const { header, kvs } = await client.range({ key }, OPTIONS);
      return { ...operation, outcome: { revision: revisionOf(header), found: foundIn(kvs) } };
    }
    case "compare-and-put": {
      const request = compareAndPut(key, operation);
      const { header, succeeded, responses } = await client.txn(request, OPTIONS);
      const revision = revisionOf(header);
      if (succeeded) return { ...operation, outcome: { succeeded, revision } };
      const response = responses[0]?.response;
      if (response?.kind !== "responseRange") throw new Error("the transaction read nothing");
      const found = foundIn(response.value.kvs);
      return { ...operation, outcome: { succeeded, revision, found } };
    }
  }
}

function compareAndPut(
  key: Uint8Array,
  { compare, value }: { readonly compare: Comparison; readonly value: string },
): TxnRequest {
  const put = PutRequest.create({ key, value: encodeUtf8(value) });
  const get = RangeRequest.create({ key });
  return TxnRequest.create({
    compare: [comparison(key, compare)],
    success: [{ request: { kind: "requestPut", value: put } }],
    failure: [{ request: { kind: "requestRange", value: get } }],
  });
}

function comparison(key: Uint8Array, compare: Comparison): Compare {
  const result = CompareResult.EQUAL;
  if (compare.by === "value") {
    const targetUnion = { kind: "value", value: encodeUtf8(compare.value) } as const;
    return Compare.create({ key, result, target: CompareTarget.VALUE, targetUnion });
  }
  const targetUnion = { kind: "modRevision", value: compare.modRevision } as const;
  return Compare.create({ key, result, target: CompareTarget.MOD, targetUnion });
}

function revisionOf(header: { readonly revision: number } | undefined): number {
  if (!header) throw new Error("a response without a header");
  return header.revision;
}

function foundIn(
  kvs: readonly { readonly value: Uint8Array; readonly modRevision: number }[],
): Found | undefined {
  const [kv] = kvs;
  return kv && { value: decodeUtf8(kv.value), modRevision: kv.modRevision };
}

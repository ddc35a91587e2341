/**
 * The language of histories and etcd's messages: requests become messages, and what is answered comes
 * back into the language. Whoever makes load thinks in the language alone.
 */
import { decodeUtf8, encodeUtf8, unreachable } from "@sagong/base";
import {
  Compare,
  CompareResult,
  CompareTarget,
  type CompactionResponse,
  type DeleteRangeResponse,
  DeleteRangeRequest,
  type KeyValue,
  PutRequest,
  type PutResponse,
  RangeRequest,
  type RangeResponse,
  type RequestOp,
  type ResponseHeader,
  type ResponseOp,
  TxnRequest,
  type TxnResponse,
} from "@sagong/kv/client";
import { CompactionRequest } from "@sagong/kv/testing";
import type {
  CompactOp,
  DeleteAnswer,
  DeleteOp,
  KvPair,
  KvResponse,
  PutAnswer,
  PutOp,
  RangeAnswer,
  RangeOp,
  TxnCompare,
  TxnOp,
  TxnStep,
} from "./history.js";

// ── Requests ───────────────────────────────────────────────────────────────────────────────────

export function toRange(op: RangeOp): RangeRequest {
  return RangeRequest.create({
    key: encodeUtf8(op.key),
    rangeEnd: encodeUtf8(op.rangeEnd ?? ""),
    revision: op.revision ?? 0,
    limit: op.limit ?? 0,
    serializable: op.serializable ?? false,
    keysOnly: op.keysOnly ?? false,
    countOnly: op.countOnly ?? false,
  });
}

export function toPut({ key, value, lease, prevKv }: PutOp): PutRequest {
  return PutRequest.create({
    key: encodeUtf8(key),
    value: encodeUtf8(value),
    lease: BigInt(lease ?? "0"),
    prevKv: prevKv ?? false,
  });
}

export function toDelete({ key, rangeEnd, prevKv }: DeleteOp): DeleteRangeRequest {
  return DeleteRangeRequest.create({
    key: encodeUtf8(key),
    rangeEnd: encodeUtf8(rangeEnd ?? ""),
    prevKv: prevKv ?? false,
  });
}

export function toTxn({ compares, success, failure }: TxnOp): TxnRequest {
  return TxnRequest.create({
    compare: compares.map(toCompare),
    success: success.map(toRequestOp),
    failure: failure.map(toRequestOp),
  });
}

export function toCompaction({ revision }: CompactOp): CompactionRequest {
  return CompactionRequest.create({ revision });
}

const RESULTS = {
  "=": CompareResult.EQUAL,
  "!=": CompareResult.NOT_EQUAL,
  "<": CompareResult.LESS,
  ">": CompareResult.GREATER,
} as const;

function toCompare({ key, target, result, operand }: TxnCompare): Compare {
  const common = { key: encodeUtf8(key), result: RESULTS[result] };
  if (target === "value") {
    const value = encodeUtf8(String(operand));
    const targetUnion = { kind: "value", value } as const;
    return Compare.create({ ...common, target: CompareTarget.VALUE, targetUnion });
  }
  const value = Number(operand);
  switch (target) {
    case "mod":
      return Compare.create({
        ...common,
        target: CompareTarget.MOD,
        targetUnion: { kind: "modRevision", value },
      });
    case "create":
      return Compare.create({
        ...common,
        target: CompareTarget.CREATE,
        targetUnion: { kind: "createRevision", value },
      });
    case "version":
      return Compare.create({
        ...common,
        target: CompareTarget.VERSION,
        targetUnion: { kind: "version", value },
      });
    default:
      return unreachable(target, "target of a comparison");
  }
}

function toRequestOp(step: TxnStep): RequestOp {
  switch (step.kind) {
    case "range":
      return { request: { kind: "requestRange", value: toRange(step) } };
    case "put":
      return { request: { kind: "requestPut", value: toPut(step) } };
    case "delete":
      return { request: { kind: "requestDeleteRange", value: toDelete(step) } };
    default:
      return unreachable(step, "step of a transaction");
  }
}

// ── Answers ────────────────────────────────────────────────────────────────────────────────────

export function rangeAnswer({ header, kvs, count, more }: RangeResponse): RangeAnswer {
  return {
    kind: "range",
    revision: revisionOf(header),
    kvs: kvs.map((kv) => pairOf(kv)),
    count,
    more,
  };
}

export function putAnswer({ header, prevKv }: PutResponse): PutAnswer {
  return { kind: "put", revision: revisionOf(header), ...(prevKv && { prevKv: pairOf(prevKv) }) };
}

export function deleteAnswer({ header, deleted, prevKvs }: DeleteRangeResponse): DeleteAnswer {
  return {
    kind: "delete",
    revision: revisionOf(header),
    deleted,
    prevKvs: prevKvs.map((kv) => pairOf(kv)),
  };
}

export function txnAnswer({ header, succeeded, responses }: TxnResponse): KvResponse {
  const answers = responses.map(stepAnswer);
  return { kind: "txn", revision: revisionOf(header), succeeded, answers };
}

export function compactAnswer({ header }: CompactionResponse): KvResponse {
  return { kind: "compact", revision: revisionOf(header) };
}

/** `value`: what it says, where that is known already. */
export function pairOf(kv: KeyValue, value: string = decodeUtf8(kv.value)): KvPair {
  const { createRevision, modRevision, version, lease } = kv;
  const key = decodeUtf8(kv.key);
  if (lease === 0n) return { key, value, createRevision, modRevision, version };
  return { key, value, createRevision, modRevision, version, lease: lease.toString() };
}

function stepAnswer({ response }: ResponseOp): RangeAnswer | PutAnswer | DeleteAnswer {
  switch (response?.kind) {
    case "responseRange":
      return rangeAnswer(response.value);
    case "responsePut":
      return putAnswer(response.value);
    case "responseDeleteRange":
      return deleteAnswer(response.value);
    default:
      throw new Error("Cannot record the answer of a nested transaction: nobody asks for one");
  }
}

/** A header that is missing is as wrong as one of revision 0, which no store can be at. */
export function revisionOf(header: ResponseHeader | undefined): number {
  return header?.revision ?? 0;
}

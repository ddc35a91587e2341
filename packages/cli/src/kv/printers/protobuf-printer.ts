/**
 * `-w protobuf`: the response's own bytes, one after the other, without anything between them. For
 * leases etcdctl writes only the header; here it is the whole message, which is what one asks for.
 */
import {
  DeleteRangeResponse,
  LeaseGrantResponse,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseRevokeResponse,
  LeaseTimeToLiveResponse,
  MemberListResponse,
  PutResponse,
  RangeResponse,
  TxnResponse,
  WatchResponse,
} from "@sagong/kv/client";
import type { Printer } from "./results.js";

export const PROTOBUF_PRINTER: Printer = {
  get: ({ response }) => [RangeResponse.encode(response)],
  put: (response) => [PutResponse.encode(response)],
  del: (response) => [DeleteRangeResponse.encode(response)],
  txn: (response) => [TxnResponse.encode(response)],
  watch: ({ header, events, compactRevision = 0 }) => [
    WatchResponse.encode(
      WatchResponse.create({ header, events, compactRevision, canceled: compactRevision > 0 }),
    ),
  ],
  "lease grant": (response) => [LeaseGrantResponse.encode(response)],
  "lease revoke": ({ response }) => [LeaseRevokeResponse.encode(response)],
  "lease timetolive": ({ response }) => [LeaseTimeToLiveResponse.encode(response)],
  "lease list": (response) => [LeaseLeasesResponse.encode(response)],
  "lease keep-alive": (response) => [LeaseKeepAliveResponse.encode(response)],
  "member list": (response) => [MemberListResponse.encode(response)],
};

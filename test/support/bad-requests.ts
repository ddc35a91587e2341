/** Requests that a store must refuse, and how: the same for ours and for etcd. */
import { encodeUtf8 } from "@sagong/base";
import {
  CompactionRequest,
  DeleteRangeRequest,
  KvService,
  LeaseGrantRequest,
  LeaseService,
  PutRequest,
  RangeRequest,
  TxnRequest,
} from "@sagong/kv/testing";
import { type Channel, RpcError, StatusCode } from "@sagong/rpc";
import { grpcFrame, rawGrpcCall } from "./raw-grpc.js";

export interface BadRequest {
  readonly what: string;
  readonly code: StatusCode;
  /** Undefined where ours and etcd's differ: gRPC's own refusals are each library's. */
  readonly message?: string;
  readonly make: (server: Server) => Promise<unknown>;
}

export interface Server {
  readonly endpoint: string;
  readonly channel: Channel;
}

const kv = KvService.methods;
const text = encodeUtf8;
const OPTIONS = { timeoutMs: 10_000 } as const;
const KIBIBYTE = 1024;
const put = (fields: Partial<PutRequest>) => PutRequest.create({ key: text("k"), ...fields });
const putOp = (key: string) => ({
  request: { kind: "requestPut", value: put({ key: text(key) }) } as const,
});
const txn = (fields: Partial<TxnRequest>) => TxnRequest.create(fields);
const unary =
  (method: keyof typeof kv, request: unknown) =>
  ({ channel }: Server): Promise<unknown> =>
    // The rows below pair each method with its own request.
    channel.unary(kv[method] as typeof kv.put, request as PutRequest, OPTIONS);
const raw =
  (path: string, body: Uint8Array) =>
  async ({ endpoint }: Server): Promise<void> => {
    const { code, message } = await rawGrpcCall({ endpoint, path, body });
    if (code !== StatusCode.ok) throw new RpcError(code as StatusCode, message); // Any is one.
  };

const { invalidArgument, outOfRange, notFound, resourceExhausted, unimplemented, internal } =
  StatusCode;
/** Of a store that holds the key "k", put three times, and is compacted at revision 3. */
export const BAD_REQUESTS: readonly BadRequest[] = [
  {
    what: "a value over the limit",
    code: invalidArgument,
    message: "etcdserver: request is too large",
    make: unary("put", put({ value: new Uint8Array(1_600 * KIBIBYTE) })),
  },
  {
    what: "a message over the transport's limit",
    code: resourceExhausted,
    make: unary("put", put({ value: new Uint8Array(3_000 * KIBIBYTE) })),
  },
  {
    what: "a put without a key",
    code: invalidArgument,
    message: "etcdserver: key is not provided",
    make: unary("put", PutRequest.create()),
  },
  {
    what: "a range without a key",
    code: invalidArgument,
    message: "etcdserver: key is not provided",
    make: unary("range", RangeRequest.create()),
  },
  {
    what: "a deletion without a key",
    code: invalidArgument,
    message: "etcdserver: key is not provided",
    make: unary("deleteRange", DeleteRangeRequest.create()),
  },
  {
    what: "a put with ignore_value and a value",
    code: invalidArgument,
    message: "etcdserver: value is provided",
    make: unary("put", put({ ignoreValue: true, value: text("v") })),
  },
  {
    what: "a put with ignore_lease and a lease",
    code: invalidArgument,
    message: "etcdserver: lease is provided",
    make: unary("put", put({ ignoreLease: true, lease: 1n })),
  },
  {
    what: "a put with ignore_value of a key that is not there",
    code: invalidArgument,
    message: "etcdserver: key not found",
    make: unary("put", put({ key: text("absent"), ignoreValue: true })),
  },
  {
    what: "a put with a lease that is not there",
    code: notFound,
    message: "etcdserver: requested lease not found",
    make: unary("put", put({ lease: 4711n })),
  },
  {
    what: "a transaction of too many operations",
    code: invalidArgument,
    message: "etcdserver: too many operations in txn request",
    make: unary("txn", txn({ success: Array.from({ length: 129 }, (_, i) => putOp(`many-${i}`)) })),
  },
  {
    what: "a transaction that puts a key twice",
    code: invalidArgument,
    message: "etcdserver: duplicate key given in txn request",
    make: unary("txn", txn({ success: [putOp("twice"), putOp("twice")] })),
  },
  {
    what: "a transaction with an operation that is none",
    code: invalidArgument,
    message: "etcdserver: key not found",
    make: unary("txn", txn({ success: [{ request: undefined }] })),
  },
  {
    what: "a range at a compacted revision",
    code: outOfRange,
    message: "etcdserver: mvcc: required revision has been compacted",
    make: unary("range", RangeRequest.create({ key: text("k"), revision: 2 })),
  },
  {
    what: "a range at a future revision",
    code: outOfRange,
    message: "etcdserver: mvcc: required revision is a future revision",
    make: unary("range", RangeRequest.create({ key: text("k"), revision: 1_000_000 })),
  },
  {
    what: "a compaction that has been",
    code: outOfRange,
    message: "etcdserver: mvcc: required revision has been compacted",
    make: unary("compact", CompactionRequest.create({ revision: 3 })),
  },
  {
    what: "a compaction of the future",
    code: outOfRange,
    message: "etcdserver: mvcc: required revision is a future revision",
    make: unary("compact", CompactionRequest.create({ revision: 1_000_000 })),
  },
  {
    what: "a transaction that reads a compacted revision and writes",
    code: outOfRange,
    message: "etcdserver: mvcc: required revision has been compacted",
    make: unary(
      "txn",
      txn({
        success: [
          putOp("with-a-read"),
          {
            request: {
              kind: "requestRange",
              value: RangeRequest.create({ key: text("k"), revision: 2 }),
            },
          },
        ],
      }),
    ),
  },
  {
    what: "a lease of more than its limit",
    code: outOfRange,
    message: "etcdserver: too large lease TTL",
    make: ({ channel }) =>
      channel.unary(
        LeaseService.methods.leaseGrant,
        LeaseGrantRequest.create({ ttl: 9_000_000_001 }),
        OPTIONS,
      ),
  },
  {
    what: "a method that there is not",
    code: unimplemented,
    make: raw("/etcdserverpb.KV/Frobnicate", grpcFrame(new Uint8Array(0))),
  },
  {
    what: "a service that there is not",
    code: unimplemented,
    make: raw("/example.Nothing/Put", grpcFrame(new Uint8Array(0))),
  },
  {
    what: "a message that is no protobuf: a field longer than what comes",
    code: internal,
    make: raw("/etcdserverpb.KV/Put", grpcFrame(Uint8Array.of(0x0a, 0xff, 0xff, 0x03, 1, 2))),
  },
  {
    what: "a message that is no protobuf: a number without end",
    code: internal,
    make: raw(
      "/etcdserverpb.KV/Put",
      grpcFrame(Uint8Array.of(0x18, ...Array.from({ length: 11 }, () => 0xff))),
    ),
  },
  {
    what: "a stream's message that is no protobuf",
    code: internal,
    make: raw("/etcdserverpb.Watch/Watch", grpcFrame(Uint8Array.of(0x0a, 0x7f))),
  },
  {
    what: "a frame that claims four gigabytes",
    code: resourceExhausted,
    make: raw("/etcdserverpb.KV/Put", grpcFrame(Uint8Array.of(1, 2, 3), 0xffff_ffff)),
  },
];

/**
 * What a running member refuses for reasons of its own (no leader, too busy, too slow, closing), as
 * opposed to what the state machine refuses. The texts are etcd's (`rpctypes`); clients compare
 * them. The edge maps `code` to a gRPC status.
 */
export type MemberErrorCode =
  | "no-leader"
  | "leader-changed"
  | "not-leader"
  | "bad-leader-transferee"
  | "stopped"
  | "timeout"
  | "timeout-leader-fail"
  | "timeout-leader-transfer"
  | "too-large"
  | "too-many-requests"
  | "cancelled";

const TEXTS: Readonly<Record<MemberErrorCode, string>> = {
  "no-leader": "etcdserver: no leader",
  "leader-changed": "etcdserver: leader changed",
  "not-leader": "etcdserver: not leader",
  "bad-leader-transferee": "etcdserver: bad leader transferee",
  stopped: "etcdserver: server stopped",
  timeout: "etcdserver: request timed out",
  "timeout-leader-fail": "etcdserver: request timed out, possibly due to previous leader failure",
  "timeout-leader-transfer": "etcdserver: request timed out, leader transfer took too long",
  "too-large": "etcdserver: request is too large",
  "too-many-requests": "etcdserver: too many requests",
  cancelled: "etcdserver: request cancelled",
};

export class MemberError extends Error {
  override readonly name: string = "MemberError";
  readonly code: MemberErrorCode;

  constructor(code: MemberErrorCode, options?: ErrorOptions) {
    super(TEXTS[code], options);
    this.code = code;
  }
}

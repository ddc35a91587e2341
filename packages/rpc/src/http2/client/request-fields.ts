/** The header fields of gRPC requests (gRPC over HTTP/2, "Requests"). */
import type { CallOptions } from "../../channel.js";
import { type Metadata, RpcError, StatusCode } from "../../status.js";
import { checkTrailerFields } from "../connection/message-fields.js";
import type { HeaderField } from "../hpack/header-field.js";

/** Heads and timeouts that are kept; a program has fewer methods, and says the same timeouts. */
const KEPT_MAX = 256;
/** The specification allows eight digits. */
const TIMEOUT_DIGITS_MAX = 99_999_999;
/** Fields of the protocol itself, which metadata may not name. */
const RESERVED: ReadonlySet<string> = new Set([
  "content-type",
  "te",
  "host",
  "user-agent",
  "content-length",
]);

export interface RequestFieldsOptions {
  readonly scheme: "http" | "https";
  readonly authority: string;
}

/** The fields that requests of one channel begin with: the same lists for the same methods. */
export class RequestFields {
  readonly #options: RequestFieldsOptions;
  readonly #heads = new Map<string, readonly HeaderField[]>();
  readonly #timeouts = new Map<string, readonly HeaderField[]>();

  constructor(options: RequestFieldsOptions) {
    this.#options = options;
  }

  /** What all requests to a method share. */
  head(path: string): readonly HeaderField[] {
    const known = this.#heads.get(path);
    if (known !== undefined) return known;
    const head = this.#makeHead(path);
    if (this.#heads.size >= KEPT_MAX) this.#heads.clear();
    this.#heads.set(path, head);
    return head;
  }

  /** What a call adds; undefined where nothing. Throws `RpcError` where metadata is no fields. */
  own({ timeoutMs, metadata }: CallOptions): readonly HeaderField[] | undefined {
    const timeout = timeoutMs === undefined ? undefined : this.#timeout(timeoutMs);
    if (metadata === undefined) return timeout;
    const fields = fieldsOf(metadata);
    return timeout === undefined ? fields : [...timeout, ...fields];
  }

  #makeHead(path: string): readonly HeaderField[] {
    const indexing = "incremental";
    return [
      { name: ":method", value: "POST", indexing },
      { name: ":scheme", value: this.#options.scheme, indexing },
      { name: ":path", value: path, indexing },
      { name: ":authority", value: this.#options.authority, indexing },
      { name: "te", value: "trailers", indexing },
      { name: "content-type", value: "application/grpc", indexing },
      { name: "grpc-accept-encoding", value: "identity,gzip", indexing },
      { name: "user-agent", value: "grpc-sagong", indexing },
    ];
  }

  #timeout(timeoutMs: number): readonly HeaderField[] {
    const value = timeoutText(timeoutMs);
    const known = this.#timeouts.get(value);
    if (known !== undefined) return known;
    const fields = [{ name: "grpc-timeout", value }];
    if (this.#timeouts.size >= KEPT_MAX) this.#timeouts.clear();
    this.#timeouts.set(value, fields);
    return fields;
  }
}

/** Rounded up: the server is not to give up before its client does. */
export function timeoutText(timeoutMs: number): string {
  const ms = Math.max(1, Math.ceil(timeoutMs));
  if (ms <= TIMEOUT_DIGITS_MAX) return `${ms}m`;
  return `${Math.min(TIMEOUT_DIGITS_MAX, Math.ceil(ms / 1_000))}S`;
}

function fieldsOf(metadata: Metadata): HeaderField[] {
  const fields = Object.entries(metadata).map(([name, value]) => ({ name, value }));
  for (const { name } of fields) {
    if (RESERVED.has(name) || name.startsWith("grpc-")) throw unsendable(`${name} is reserved`);
  }
  const { fault } = checkTrailerFields(fields);
  if (fault !== undefined) throw unsendable(fault);
  return fields;
}

function unsendable(fault: string): RpcError {
  return new RpcError(StatusCode.internal, `Cannot send the metadata of a call: ${fault}`);
}

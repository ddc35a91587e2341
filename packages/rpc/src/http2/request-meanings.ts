/**
 * What the header sections of one connection ask for. Clients repeat themselves, and the decoder
 * gives the very same list for the same block: its meaning is then found by identity.
 */
import type { AnyMethod } from "../message/method.js";
import { RpcError, StatusCode } from "../status.js";
import { GZIP, IDENTITY, type NotGrpc, parseRequestHead } from "./grpc/request-head.js";
import type { HeaderField } from "./hpack/header-field.js";
import type { CallRequest } from "./open-call.js";

/** As many as the decoder knows by their blocks. */
const KNOWN_MAX = 8;

export interface MethodEntry {
  readonly method: AnyMethod;
  /** A function of the kind that `method.kind` says; the types were checked by `implement()`. */
  readonly handler: unknown;
}

/** A call, a plain request, or what the request is refused with. */
export type RequestMeaning =
  | { readonly kind: "call"; readonly fields: readonly HeaderField[]; readonly call: CallRequest }
  | { readonly kind: "http"; readonly fields: readonly HeaderField[]; readonly head: NotGrpc }
  | { readonly kind: "refused"; readonly fields: readonly HeaderField[]; readonly error: RpcError };

export class RequestMeanings {
  readonly #methods: ReadonlyMap<string, MethodEntry>;
  readonly #known: RequestMeaning[] = [];

  /** `methods`: by path. */
  constructor(methods: ReadonlyMap<string, MethodEntry>) {
    this.#methods = methods;
  }

  of(fields: readonly HeaderField[]): RequestMeaning {
    for (const known of this.#known) if (known.fields === fields) return known;
    const meaning = this.#parse(fields);
    if (this.#known.length === KNOWN_MAX) this.#known.shift();
    this.#known.push(meaning);
    return meaning;
  }

  #parse(fields: readonly HeaderField[]): RequestMeaning {
    const head = parseRequestHead(fields);
    if ("httpStatus" in head) return { kind: "http", fields, head };
    const refused = (text: string, trailers = {}): RequestMeaning => {
      const error = new RpcError(StatusCode.unimplemented, text, { trailers });
      return { kind: "refused", fields, error };
    };
    const entry = this.#methods.get(head.path);
    if (entry === undefined) {
      return refused(`The server does not implement the method ${head.path}`);
    }
    if (head.encoding !== IDENTITY && head.encoding !== GZIP) {
      const text = `Cannot read messages encoded by "${head.encoding}", expected identity or gzip`;
      return refused(text, { "grpc-accept-encoding": `${IDENTITY},${GZIP}` });
    }
    const { method, handler } = entry;
    return { kind: "call", fields, call: { head, fields, method, handler } };
  }
}

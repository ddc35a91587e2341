/**
 * Who the members are. Ids and peer URLs are settled by the initial cluster; names and client URLs
 * each member makes known through the log when it starts (etcd: "publish"), so that every member
 * can tell clients of all, also of those that are down.
 */
import { type Clock, delay, errorText, type Logger } from "@sagong/base";
import type { Member } from "../gen/rpc.js";
import { MemberAttributes } from "../gen/store.js";
import { type Backend, SPACE_MEMBER } from "../mvcc/backend.js";
import { openSealed, sealValue } from "../mvcc/sealed-value.js";
import type { ClusterIdentity } from "./identity.js";

export class Membership {
  readonly #identity: ClusterIdentity;
  readonly #backend: Pick<Backend, "put">;
  #attributes = new Map<bigint, MemberAttributes>();

  constructor(identity: ClusterIdentity, backend: Pick<Backend, "put">) {
    this.#identity = identity;
    this.#backend = backend;
  }

  /** From the database, before anything is applied. Ignores pairs that are not about members. */
  load(pairs: Iterable<readonly [key: Uint8Array, value: Uint8Array]>): void {
    for (const [key, value] of pairs) {
      if (key[0] !== SPACE_MEMBER) continue;
      const attributes = openSealed([key, value], () => "a member's attributes", MemberAttributes);
      this.#attributes.set(attributes.memberId, attributes);
    }
  }

  /** From the log. The caller commits the backend's batch. */
  apply(attributes: MemberAttributes): void {
    this.#attributes.set(attributes.memberId, attributes);
    const key = keyOf(attributes.memberId);
    this.#backend.put(key, sealValue(key, MemberAttributes.encode(attributes)));
  }

  /** One that knows nobody's attributes, to load an image into. */
  empty(): Membership {
    return new Membership(this.#identity, this.#backend);
  }

  /** Takes over what `other` was loaded with. */
  adopt(other: Membership): void {
    this.#attributes = other.#attributes;
  }

  /** In ascending order of id. As with etcd, one that has never started has no client URLs. */
  list(): readonly Member[] {
    return this.#identity.members.map(({ id, name, peerUrls }) => {
      const attributes = this.#attributes.get(id);
      return {
        id,
        name: attributes?.name ?? name,
        peerUrls,
        clientUrls: attributes?.clientUrls ?? [],
        isLearner: false,
      };
    });
  }

  /** Whether the cluster knows these attributes already. */
  knows({ memberId, name, clientUrls }: MemberAttributes): boolean {
    const known = this.#attributes.get(memberId);
    return known?.name === name && known.clientUrls.join(",") === clientUrls.join(",");
  }
}

function keyOf(memberId: bigint): Uint8Array {
  const key = new Uint8Array(9);
  key[0] = SPACE_MEMBER;
  new DataView(key.buffer).setBigUint64(1, memberId);
  return key;
}

export interface PublishOptions {
  readonly membership: Membership;
  readonly attributes: MemberAttributes;
  readonly propose: (attributes: MemberAttributes) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const RETRY_MS = 500;

/** Tries until the cluster knows this member's attributes, or `signal` is aborted. Never rejects. */
export async function publishAttributes(options: PublishOptions): Promise<void> {
  const { membership, attributes, clock, logger, signal } = options;
  while (!signal.aborted && !membership.knows(attributes)) {
    try {
      await options.propose(attributes);
      logger.info("client URLs made known", { clientUrls: attributes.clientUrls.join(",") });
    } catch (error) {
      if (signal.aborted) return;
      logger.warn("client URLs not made known yet", { error: errorText(error) });
      // Woken early only by the end of the member, which the loop looks at.
      await delay(clock, RETRY_MS, signal).catch(() => {});
    }
  }
}

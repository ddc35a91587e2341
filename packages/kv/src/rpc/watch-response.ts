/**
 * Watch responses with events, as they go over the wire: a head that differs from watch to watch by
 * its id alone, and the events, which all who get the same share.
 */
import { EncodedMessage } from "@sagong/rpc";
import { type ResponseHeader, WatchResponse } from "../gen/rpc.js";
import type { EventBlock } from "../watch/event-block.js";

/** Field 7 of WatchResponse, `fragment`, a number that is 1. */
const IS_FRAGMENT: Uint8Array = Uint8Array.of(7 << 3, 1);

/** The field `watch_id` as it stands in each of a watch's responses. */
export function watchIdField(watchId: number): Uint8Array {
  return WatchResponse.encode(WatchResponse.create({ watchId }));
}

export interface AddressedWatch {
  readonly id: number;
  /** Its `watchIdField`. */
  readonly idField: Uint8Array;
}

/** Made for one block after the other: what was encoded for the last one is kept. */
export class WatchResponses {
  readonly #header: (revision: number) => ResponseHeader;
  #block: EventBlock | undefined;
  #head: Uint8Array = new Uint8Array(0);
  #watchId = 0;
  #response: EncodedMessage | undefined;

  constructor(header: (revision: number) => ResponseHeader) {
    this.#header = header;
  }

  /** Streams with one watch each have equal ids: they even share the message. */
  of(block: EventBlock, { id, idField }: AddressedWatch): EncodedMessage {
    this.#take(block);
    if (this.#response && id === this.#watchId) return this.#response;
    this.#watchId = id;
    this.#response = new EncodedMessage([this.#head, idField, block.bytes]);
    return this.#response;
  }

  /** Several, of at most `bytesMax` of events each; all but the last are marked. */
  fragmentsOf(
    block: EventBlock,
    { watch, bytesMax }: { readonly watch: AddressedWatch; readonly bytesMax: number },
  ): readonly EncodedMessage[] {
    this.#take(block);
    const parts = block.fragments(bytesMax);
    return parts.map((part, i) => {
      const mark = i < parts.length - 1 ? [IS_FRAGMENT] : [];
      return new EncodedMessage([this.#head, watch.idField, ...mark, part]);
    });
  }

  #take(block: EventBlock): void {
    if (this.#block === block) return;
    this.#block = block;
    this.#response = undefined;
    const header = this.#header(block.revision);
    this.#head = WatchResponse.encode(WatchResponse.create({ header }));
  }
}

/** A watch of the reference store, as a member that does everything right serves it. */
import { type Random, randomBelow } from "@sagong/base";
import type { WatchAnswer, WatchEvent, WatchRecord } from "../history/history.js";
import { isWithin, type ReferenceStore } from "./reference-store.js";

/** Of the times of reference histories. */
export const MS_PER_MOMENT = 0.5;

export class ReferenceWatcher {
  readonly #asked: Omit<WatchRecord, "responses" | "reachedEnd">;
  readonly #responses: WatchAnswer[] = [];
  /** The next revision that it is to see. */
  #next = 0;
  #isOver = false;
  #reachedEnd = false;

  constructor(asked: Omit<WatchRecord, "responses" | "reachedEnd">) {
    this.#asked = asked;
  }

  get record(): WatchRecord {
    return { ...this.#asked, responses: this.#responses, reachedEnd: this.#reachedEnd };
  }

  create(at: number, { revision }: ReferenceStore): void {
    const { startRevision } = this.#asked;
    this.#next = startRevision > 0 ? startRevision : revision + 1;
    this.#respond(at, { headerRevision: revision, created: true, events: [] });
  }

  /** Some of what it has not seen yet, a bookmark, or the end because it is too far behind. */
  goOn(at: number, store: ReferenceStore, random: Random): void {
    if (this.#isOver) return;
    const { compacted, revision } = store;
    // The one over all keys is never so far behind: it tells what every revision did.
    const isWitness = this.#asked.rangeEnd === "\0";
    if (!isWitness && this.#next < compacted && randomBelow(random, 2) === 0) {
      this.#isOver = true;
      const canceled = { reason: "", compactRevision: compacted };
      this.#respond(at, { headerRevision: 0, canceled, events: [] });
      return;
    }
    const upTo = Math.min(revision, this.#next + randomBelow(random, 4));
    this.#deliver(at, store, { upTo, random });
    const isBehind = this.#next <= revision;
    if (!isBehind && revision >= this.#asked.startRevision && randomBelow(random, 3) === 0) {
      this.#respond(at, { headerRevision: revision, events: [] });
    }
  }

  finish(at: number, store: ReferenceStore): void {
    if (this.#isOver) return;
    this.#deliver(at, store, { upTo: store.revision });
    this.#reachedEnd = true;
  }

  #deliver(
    at: number,
    store: ReferenceStore,
    { upTo, random }: { readonly upTo: number; readonly random?: Random },
  ): void {
    const events: WatchEvent[] = [];
    for (; this.#next <= upTo; this.#next++) {
      events.push(...this.#seen(store, this.#next));
    }
    if (events.length === 0) return;
    const headerRevision = store.revision;
    const cut = random && this.#asked.fragment ? randomBelow(random, events.length) : 0;
    if (cut > 0)
      this.#respond(at, { headerRevision, events: events.slice(0, cut), fragment: true });
    this.#respond(at, { headerRevision, events: events.slice(cut) });
  }

  #seen(store: ReferenceStore, revision: number): readonly WatchEvent[] {
    const { filters, prevKv } = this.#asked;
    return (store.events.get(revision) ?? []).flatMap((event): readonly WatchEvent[] => {
      const key = event.kind === "put" ? event.kv.key : event.key;
      if (filters.includes(event.kind) || !isWithin(this.#asked, key)) return [];
      const previous = prevKv ? store.get(key, revision - 1) : undefined;
      return [previous && revision - 1 >= store.compacted ? { ...event, prevKv: previous } : event];
    });
  }

  #respond(at: number, answer: Omit<WatchAnswer, "at" | "atMs">): void {
    this.#responses.push({ ...answer, at, atMs: at * MS_PER_MOMENT });
  }
}

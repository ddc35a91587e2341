import { RpcError, StatusCode } from "@sagong/rpc";
import { describe, expect, it, vi } from "vitest";
import type { WatchEvent } from "../api/resource.js";
import type { WatchObjectsBatch } from "../gen/object.js";
import { WatchBatches } from "./watch-batches.js";

interface Seen {
  taken: number;
  ended: number;
}

const event = (name: string, size = 0): WatchEvent =>
  ({ type: "ADDED", object: { metadata: { name }, data: "x".repeat(size) } }) as WatchEvent; // Any object.

function batchesOf(
  seen: Seen,
  source: (signal: AbortSignal) => AsyncGenerator<WatchEvent>,
  signal = new AbortController().signal,
): WatchBatches {
  return new WatchBatches(
    async function* counted(inner) {
      for await (const one of source(inner)) {
        seen.taken++;
        yield one;
      }
    },
    {
      signal,
      onEnd: () => seen.ended++,
      refusal: (error) => new RpcError(StatusCode.internal, String(error)),
    },
  );
}

function namesOf(batch: IteratorResult<WatchObjectsBatch>): string[] {
  const { events }: WatchObjectsBatch = batch.value;
  return events.map(({ object }) => {
    const tree: { metadata: { name: string } } = JSON.parse(Buffer.from(object).toString());
    return tree.metadata.name;
  });
}

async function* waiting(signal: AbortSignal): AsyncGenerator<WatchEvent> {
  yield event("a");
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}

describe("WatchBatches", () => {
  it("next() begins with an empty batch, then gives together what is there together", async () => {
    const seen = { taken: 0, ended: 0 };
    const batches = batchesOf(seen, async function* () {
      for (const name of ["a", "b", "c"]) yield event(name);
    });
    expect(namesOf(await batches.next())).toEqual([]);
    expect(namesOf(await batches.next())).toEqual(["a", "b", "c"]);
    expect(await batches.next()).toEqual({ done: true, value: undefined });
    expect(await batches.next()).toEqual({ done: true, value: undefined });
    expect(seen.ended).toBe(1);
  });

  it("next() gives all events before the error that ended them", async () => {
    const batches = batchesOf({ taken: 0, ended: 0 }, async function* () {
      yield event("a");
      throw new Error("too old");
    });
    await batches.next();
    expect(namesOf(await batches.next())).toEqual(["a"]);
    await expect(batches.next()).rejects.toThrow("too old");
    expect((await batches.next()).done).toBe(true);
  });

  it("takes no more from the back end than the limits while nobody reads", async () => {
    const seen = { taken: 0, ended: 0 };
    const batches = batchesOf(seen, async function* () {
      for (let i = 0; i < 40; i++) yield event(`${i}`, 100_000);
    });
    await vi.waitFor(() => expect(seen.taken).toBe(11));
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen.taken).toBe(11);
    const names: string[] = [];
    for (let next = await batches.next(); !next.done; next = await batches.next())
      names.push(...namesOf(next));
    expect(names).toEqual(Array.from({ length: 40 }, (_, i) => `${i}`));
  });

  it("return() ends the back end's watch, though it waits", async () => {
    const seen = { taken: 0, ended: 0 };
    const batches = batchesOf(seen, waiting);
    await batches.next();
    await batches.next();
    const pending = batches.next();
    await batches.return();
    expect((await pending).done).toBe(true);
    await vi.waitFor(() => expect(seen.ended).toBe(1));
  });

  it("ends the back end's watch when the call is cancelled while the buffer is full", async () => {
    const seen = { taken: 0, ended: 0 };
    const abort = new AbortController();
    batchesOf(
      seen,
      async function* () {
        for (;;) yield event("a", 2_000_000);
      },
      abort.signal,
    );
    await vi.waitFor(() => expect(seen.taken).toBe(1));
    abort.abort();
    await vi.waitFor(() => expect(seen.ended).toBe(1));
  });
});

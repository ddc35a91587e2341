import { delay } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { describe, expect, it } from "vitest";
import type { LeaseKeepAliveRequest, LeaseKeepAliveResponse } from "../gen/rpc.js";
import { renewals, type Renew } from "./lease-renewals.js";

const answer = (id: bigint): LeaseKeepAliveResponse => ({ header: undefined, id, ttl: 5 });
const idsTo = (count: number): bigint[] => Array.from({ length: count }, (_, i) => BigInt(i));
const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

async function* requestsOf(ids: readonly bigint[]): AsyncGenerator<LeaseKeepAliveRequest> {
  for (const id of ids) yield { id };
}

/** What a client gets of a stream with these requests, and how it ends. */
async function run(ids: readonly bigint[], renew: Renew) {
  const seen: bigint[] = [];
  const read = async (): Promise<void> => {
    for await (const response of renewals(requestsOf(ids), renew)) {
      seen.push((response as LeaseKeepAliveResponse).id); // Nothing is encoded here.
    }
  };
  const error = await read().catch((reason: unknown) => reason);
  return { seen, error };
}

describe("renewals()", () => {
  it("answers each, on the spot or later, in the order in which they came", async () => {
    const waiting: (() => void)[] = [];
    const renew: Renew = ({ id }) => {
      if (id % 3n === 0n) return answer(id);
      return new Promise((resolve) => waiting.push(() => resolve(answer(id))));
    };
    const ran = run(idsTo(30), renew);
    while (waiting.length < 20) await turn();
    for (const resolve of waiting.toReversed()) resolve();
    expect(await ran).toEqual({ seen: idsTo(30), error: undefined });
  });

  it("sends what was answered before a refusal, then the refusal, and nothing behind it", async () => {
    const refuse = (how: "throws" | "rejects"): Renew => {
      return ({ id }) => {
        if (id < 3n) return delay(realClock(), 1).then(() => answer(id));
        if (id > 3n) return answer(id);
        const error = new Error("no such member");
        if (how === "throws") throw error;
        return Promise.reject(error);
      };
    };
    for (const how of ["throws", "rejects"] as const) {
      const { seen, error } = await run(idsTo(6), refuse(how));
      expect(seen).toEqual(idsTo(3));
      expect(error).toMatchObject({ message: "no such member" });
    }
  });

  it("reads no further while too many wait for their answer", async () => {
    const waiting: (() => void)[] = [];
    const renew: Renew = ({ id }) =>
      new Promise((resolve) => waiting.push(() => resolve(answer(id))));
    const ran = run(idsTo(300), renew);
    for (let i = 0; i < 20; i++) await turn();
    expect(waiting).toHaveLength(128);
    let answered = 0;
    while (answered < 300) {
      for (; answered < waiting.length; answered++) waiting[answered]?.();
      await turn();
    }
    expect((await ran).seen).toEqual(idsTo(300));
  });

  it("reads no further when its client has gone", async () => {
    let asked = 0;
    const never = new Promise<LeaseKeepAliveResponse>(() => {});
    const outbox = renewals(requestsOf(idsTo(300)), () => {
      asked++;
      return never;
    });
    for (let i = 0; i < 20; i++) await turn();
    outbox.close(new Error("gone"));
    for (let i = 0; i < 20; i++) await turn();
    expect(asked).toBe(128);
  });
});

import { describe, expect, it, vi } from "vitest";
import { ResponsePump } from "./response-pump.js";

function sinkOf(takes: number) {
  const log: unknown[] = [];
  let left = takes;
  return {
    log,
    refill: (more: number) => {
      left = more;
    },
    send: (response: unknown): boolean => {
      log.push(response);
      return --left > 0;
    },
    end: () => void log.push("end"),
    fail: (error: unknown) => void log.push(String(error)),
  };
}

async function* count(to: number, onLeft: () => void = () => {}): AsyncGenerator<number> {
  try {
    for (let i = 1; i <= to; i++) yield i;
  } finally {
    onLeft();
  }
}

describe("ResponsePump", () => {
  it("sends all responses, and their end", async () => {
    const sink = sinkOf(Infinity);
    new ResponsePump(count(3), sink).resume();
    await vi.waitFor(() => expect(sink.log).toEqual([1, 2, 3, "end"]));
  });

  it("asks for no more than the sink takes, and goes on by resume()", async () => {
    const sink = sinkOf(2);
    const pump = new ResponsePump(count(4), sink);
    pump.resume();
    pump.resume(); // One is asked for already.
    await vi.waitFor(() => expect(sink.log).toEqual([1, 2]));
    await new Promise((resolve) => setImmediate(resolve));
    expect(sink.log).toEqual([1, 2]);
    sink.refill(10);
    pump.resume();
    await vi.waitFor(() => expect(sink.log).toEqual([1, 2, 3, 4, "end"]));
  });

  it("fails with what the iterator throws, in a promise or at once", async () => {
    const sink = sinkOf(10);
    const responses = (async function* () {
      yield 1;
      throw new Error("lost");
    })();
    new ResponsePump(responses, sink).resume();
    await vi.waitFor(() => expect(sink.log).toEqual([1, "Error: lost"]));
    const other = sinkOf(10);
    const next = (): never => {
      throw new Error("at once");
    };
    new ResponsePump({ [Symbol.asyncIterator]: () => ({ next }) }, other).resume();
    expect(other.log).toEqual(["Error: at once"]);
  });

  it("stop() tells the handler, and nothing is sent any more", async () => {
    const onLeft = vi.fn<() => void>();
    const sink = sinkOf(1);
    const pump = new ResponsePump(count(10, onLeft), sink);
    pump.resume();
    await vi.waitFor(() => expect(sink.log).toEqual([1]));
    pump.stop();
    pump.resume();
    await vi.waitFor(() => expect(onLeft).toHaveBeenCalledTimes(1));
    expect(sink.log).toEqual([1]);
  });
});

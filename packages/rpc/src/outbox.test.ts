import { describe, expect, it } from "vitest";
import { EncodedMessage } from "./message/encoded-message.js";
import { Outbox, type OutboxPort } from "./outbox.js";

class Port implements OutboxPort {
  readonly seen: unknown[] = [];
  /** Messages that it takes before it asks to wait. */
  room = Number.POSITIVE_INFINITY;

  send(messages: readonly unknown[]): boolean {
    this.seen.push(...messages);
    this.room -= messages.length;
    return this.room > 0;
  }

  end(): void {
    this.seen.push("end");
  }

  fail(error: unknown): void {
    this.seen.push(error);
  }
}

describe("Outbox", () => {
  it("keeps what is sent before a transport is there, and hands it over at once", () => {
    const [outbox, port] = [new Outbox<number>(), new Port()];
    outbox.send([1, 2]);
    outbox.send([3]);
    expect(outbox.waitingCount).toBe(3);
    expect(outbox.waitingBytes).toBeGreaterThan(0);
    outbox.attach(port);
    outbox.send([4]);
    expect(port.seen).toEqual([1, 2, 3, 4]);
    expect([outbox.waitingCount, outbox.waitingBytes]).toEqual([0, 0]);
  });

  it("waits while the port is behind, and says when there is room", () => {
    let rooms = 0;
    const [outbox, port] = [new Outbox<number>({ onRoom: () => rooms++ }), new Port()];
    outbox.attach(port);
    expect(rooms).toBe(1);
    port.room = 1;
    outbox.send([1]);
    outbox.send([2, 3]);
    outbox.end();
    expect(outbox.isBlocked).toBe(true);
    expect(port.seen).toEqual([1]);
    port.room = 1;
    outbox.resume(); // Still behind: it takes both, and wants no more.
    expect(port.seen).toEqual([1, 2, 3]);
    expect(rooms).toBe(1);
    outbox.resume();
    expect(port.seen).toEqual([1, 2, 3, "end"]);
    expect(rooms).toBe(1); // None where it ends.
  });

  it("hands much over in portions, no more than the port takes", () => {
    const [outbox, port] = [new Outbox<EncodedMessage>(), new Port()];
    outbox.attach(port);
    port.room = 1;
    const messages = Array.from(
      { length: 100 },
      () => new EncodedMessage([new Uint8Array(20_000)]),
    );
    outbox.send(messages);
    expect(port.seen).toHaveLength(4);
    expect(outbox.waitingCount).toBe(96);
    for (let seen = 4; seen < 100; seen += 4) {
      expect(port.seen).toHaveLength(seen);
      outbox.resume();
    }
    expect(port.seen).toEqual(messages);
    expect([outbox.waitingCount, outbox.waitingBytes]).toEqual([0, 0]);
  });

  it("abandon() overtakes what waits; nothing is sent after an end", () => {
    const [outbox, port] = [new Outbox<number>(), new Port()];
    outbox.attach(port);
    port.room = 1;
    outbox.send([1]);
    outbox.send([2]);
    outbox.abandon("enough");
    outbox.send([3]);
    outbox.resume();
    expect(port.seen).toEqual([1, "enough"]);
  });

  it("tells its handler once that the call is over, and its observer how", () => {
    for (const how of ["end", "fail", "close"] as const) {
      const log: string[] = [];
      const outbox = new Outbox<number>({ onClosed: () => log.push("closed") });
      outbox.observe({
        ended: () => log.push("ended"),
        failed: (error) => {
          log.push(`failed ${String(error)}`);
          return "mapped";
        },
      });
      const port = new Port();
      outbox.attach(port);
      if (how === "end") outbox.end();
      else outbox[how]("x");
      outbox.close("again");
      expect(log.toSorted()).toEqual(how === "end" ? ["closed", "ended"] : ["closed", "failed x"]);
      expect(port.seen).toEqual({ end: ["end"], fail: ["mapped"], close: [] }[how]);
    }
  });

  it("iterated, gives one for each that is asked for, and closes when it is left", async () => {
    let isClosed = false;
    const outbox = new Outbox<number>({
      onClosed: () => {
        isClosed = true;
      },
    });
    outbox.send([1, 2]);
    const iterator = outbox[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
    outbox.send([3]);
    expect(outbox.isBlocked).toBe(true);
    expect((await iterator.next()).value).toBe(2);
    const third = await iterator.next();
    expect(third.value).toBe(3);
    const fourth = iterator.next();
    await iterator.return?.();
    expect(isClosed).toBe(true);
    expect((await fourth).done).toBe(true);
  });
});

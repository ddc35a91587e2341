/**
 * What every transport must do, as one suite: our own HTTP/2 and grpc-js over sockets, in all
 * pairs, and the memory channel pass the same tests.
 */
import { describe, expect, it, vi } from "vitest";
import type { Channel } from "../channel.js";
import { HealthCheckRequest } from "../gen/health.js";
import type { ServiceImplementation } from "../handler.js";
import { EncodedMessage } from "../message/encoded-message.js";
import { RpcError, StatusCode } from "../status.js";
import { EchoService, echoService, type Seen } from "./echo-service.js";

export interface ChannelFixture {
  readonly channel: Channel;
  close(): Promise<void>;
}

export function channelSuite(
  name: string,
  open: (services: readonly ServiceImplementation[]) => Promise<ChannelFixture>,
): void {
  const withChannel: WithChannel = async (test) => {
    const seen: Seen = { aborted: false, produced: 0, read: 0, calls: 0, ended: 0, metadata: {} };
    let openGate: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      openGate = resolve;
    });
    const fixture = await open([echoService(seen, gate)]);
    try {
      await test(fixture.channel, { seen, openGate });
    } finally {
      openGate();
      await fixture.close();
    }
  };
  describe(name, () => {
    unaryTests(withChannel);
    endTests(withChannel);
    serverStreamTests(withChannel);
    clientStreamTests(withChannel);
    duplexTests(withChannel);
    backpressureTests(withChannel);
  });
}

interface Server {
  readonly seen: Seen;
  readonly openGate: () => void;
}

type WithChannel = (test: (channel: Channel, server: Server) => Promise<void>) => Promise<void>;

const { unary, repeat, stream, collect, duplex, mirror, gated, leave, pushed, blocks, missing } =
  EchoService.methods;

function ask(service: string): HealthCheckRequest {
  return HealthCheckRequest.create({ service });
}

async function* askAll(...services: readonly string[]): AsyncGenerator<HealthCheckRequest> {
  for (const service of services) yield ask(service);
}

async function statusesOf(responses: AsyncIterable<{ status: number }>): Promise<number[]> {
  const statuses: number[] = [];
  for await (const { status } of responses) statuses.push(status);
  return statuses;
}

/** What a promise rejects with; it must. */
function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`Expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}

function unaryTests(withChannel: WithChannel): void {
  it("unary() carries a request and the response", () =>
    withChannel(async (channel) => {
      expect(await channel.unary(unary, ask("four"))).toMatchObject({ status: 4 });
    }));

  it("unary() carries metadata, of bytes as base64", () =>
    withChannel(async (channel, { seen }) => {
      const metadata = { token: "x", "sagong-empty": "", "trace-bin": "3q2+7w==" };
      await channel.unary(unary, ask("four"), { metadata, timeoutMs: 60_000 });
      expect(seen.metadata).toMatchObject(metadata);
    }));

  it("unary() carries messages larger than any window, both ways", () =>
    withChannel(async (channel) => {
      const length = 1_000_000;
      expect((await channel.unary(unary, ask("x".repeat(length)))).status).toBe(length);
      const { service } = await channel.unary(repeat, ask("1000000"));
      expect(service.length).toBe(1_000_000);
    }));

  it("messages may be encoded already, both ways, small and large", () =>
    withChannel(async (channel) => {
      for (const length of [7, 100_000]) {
        const bytes = HealthCheckRequest.encode(ask("encoded".padEnd(length)));
        const request = new EncodedMessage([bytes.subarray(0, 3), bytes.subarray(3)]);
        expect((await channel.unary(unary, request)).status).toBe(length);
      }
    }));

  it("unary() rejects with the handler's code, text and trailers", () =>
    withChannel(async (channel) => {
      const refusal = await failureOf(channel.unary(unary, ask("refuse")));
      expect(refusal).toMatchObject({
        name: "RpcError",
        code: StatusCode.failedPrecondition,
        message: "refused: ∂ is not allowed",
      });
      expect(refusal).toBeInstanceOf(RpcError);
      expect(refusal).toMatchObject({ trailers: { why: "because", "proof-bin": "3q2+7w==" } });
      await expect(channel.unary(unary, ask("break"))).rejects.toMatchObject({
        code: StatusCode.unknown,
        message: "broken",
      });
    }));

  it("a method without a handler is Unimplemented", () =>
    withChannel(async (channel) => {
      await expect(channel.unary(missing, ask(""))).rejects.toMatchObject({
        code: StatusCode.unimplemented,
      });
    }));

  it("hundreds of calls of all kinds at once do not disturb each other", () =>
    withChannel(async (channel) => {
      const calls = Array.from({ length: 300 }, async (_, i) => {
        expect((await channel.unary(unary, ask("x".repeat(i)))).status).toBe(i);
        if (i % 10 > 0) return;
        expect(await statusesOf(channel.serverStream(stream, ask("3")))).toEqual([0, 1, 2]);
        expect((await channel.clientStream(collect, askAll("a", "bb"))).status).toBe(3);
        const call = channel.duplex(duplex);
        await call.send(ask("abc"));
        call.end();
        expect(await statusesOf(call.responses)).toEqual([3, -1]);
      });
      await Promise.all(calls);
    }));
}

/** Ends that are not the handler's: deadlines, signals, the channel's own. */
function endTests(withChannel: WithChannel): void {
  it("unary() ends at its deadline, and the handler is told", () =>
    withChannel(async (channel, { seen }) => {
      await channel.unary(unary, ask("")); // Connected: what is left is the call's own time.
      await expect(channel.unary(unary, ask("hang"), { timeoutMs: 100 })).rejects.toMatchObject({
        code: StatusCode.deadlineExceeded,
      });
      await vi.waitFor(() => expect(seen.aborted).toBe(true));
    }));

  it("streams end at their deadlines, and the handlers are told", () =>
    withChannel(async (channel, { seen }) => {
      await channel.unary(unary, ask("")); // Connected: what is left is the calls' own time.
      const options = { timeoutMs: 100 };
      const late = { code: StatusCode.deadlineExceeded };
      const responses = channel.serverStream(stream, ask("hang"), options);
      await expect(statusesOf(responses)).rejects.toMatchObject(late);
      await vi.waitFor(() => expect(seen.aborted).toBe(true));
      const call = channel.duplex(duplex, options);
      await call.send(ask("a"));
      await expect(statusesOf(call.responses)).rejects.toMatchObject(late);
      await vi.waitFor(() => expect(seen.ended).toBe(1));
      const { requests, leave: leaveThem } = endless();
      await expect(channel.clientStream(collect, requests, options)).rejects.toMatchObject(late);
      leaveThem();
      await vi.waitFor(() => expect(seen.ended).toBe(2));
    }));

  it("unary() ends when its signal is aborted, and the handler is told", () =>
    withChannel(async (channel, { seen }) => {
      const controller = new AbortController();
      const call = channel.unary(unary, ask("hang"), { signal: controller.signal });
      await vi.waitFor(() => expect(seen.calls).toBe(1));
      controller.abort();
      await expect(call).rejects.toMatchObject({ code: StatusCode.cancelled });
      await vi.waitFor(() => expect(seen.aborted).toBe(true));
    }));

  it("streams end when their signals are aborted, from inside the iteration too", () =>
    withChannel(async (channel, { seen }) => {
      const cancelled = { name: "RpcError", code: StatusCode.cancelled };
      const controller = new AbortController();
      const { signal } = controller;
      const reading = (async () => {
        const responses = channel.serverStream(stream, ask("10000000"), { signal });
        for await (const { status } of responses) if (status === 5) controller.abort();
      })();
      await expect(reading).rejects.toMatchObject(cancelled);
      await vi.waitFor(() => expect(seen.aborted).toBe(true));
      const second = new AbortController();
      const call = channel.duplex(duplex, { signal: second.signal });
      await call.send(ask("a"));
      const talking = (async () => {
        for await (const _ of call.responses) second.abort();
      })();
      await expect(talking).rejects.toMatchObject(cancelled);
      const third = new AbortController();
      const { requests, leave: leaveThem } = endless();
      const collecting = channel.clientStream(collect, requests, { signal: third.signal });
      await vi.waitFor(() => expect(seen.read).toBeGreaterThan(1));
      third.abort();
      await expect(collecting).rejects.toMatchObject(cancelled);
      leaveThem();
    }));

  it("calls whose signal is aborted already are not made", () =>
    withChannel(async (channel, { seen }) => {
      const options = { signal: AbortSignal.abort() };
      const call = channel.duplex(duplex, options);
      const failures = await Promise.all([
        failureOf(channel.unary(unary, ask("a"), options)),
        failureOf(statusesOf(channel.serverStream(stream, ask("1"), options))),
        failureOf(channel.clientStream(collect, askAll("a"), options)),
        failureOf(statusesOf(call.responses)),
      ]);
      for (const failure of failures) {
        expect(failure).toMatchObject({ name: "RpcError", code: StatusCode.cancelled });
      }
      await channel.unary(repeat, ask("1"));
      expect(seen).toMatchObject({ calls: 0, read: 0, ended: 0 });
    }));

  it("close() ends open calls as unavailable, and later ones", () =>
    withChannel(async (channel, { seen }) => {
      const call = channel.duplex(duplex);
      await call.send(ask("a"));
      const responses = call.responses[Symbol.asyncIterator]();
      await responses.next();
      const open = [channel.unary(unary, ask("hang")), responses.next()].map(failureOf);
      await vi.waitFor(() => expect(seen.calls).toBe(2));
      await channel.close();
      const later = channel.duplex(duplex);
      const failures = await Promise.all([
        ...open,
        failureOf(channel.unary(unary, ask("a"))),
        failureOf(statusesOf(channel.serverStream(stream, ask("1")))),
        failureOf(channel.clientStream(collect, askAll("a"))),
        failureOf(statusesOf(later.responses)),
        failureOf(call.send(ask("b"))),
      ]);
      for (const failure of failures) {
        expect(failure).toBeInstanceOf(RpcError);
        expect(failure).toMatchObject({ code: StatusCode.unavailable });
      }
    }));
}

/** Requests that go on, one at a time, until they are left. */
function endless(): {
  readonly requests: AsyncIterable<HealthCheckRequest>;
  readonly leave: () => void;
} {
  let isLeft = false;
  async function* requests(): AsyncGenerator<HealthCheckRequest> {
    while (!isLeft) {
      yield ask("a");
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return {
    requests: requests(),
    leave: () => {
      isLeft = true;
    },
  };
}

function serverStreamTests(withChannel: WithChannel): void {
  it("serverStream() ends when the handler ends", () =>
    withChannel(async (channel) => {
      expect(await statusesOf(channel.serverStream(stream, ask("5")))).toEqual([0, 1, 2, 3, 4]);
      expect(await statusesOf(channel.serverStream(stream, ask("0")))).toEqual([]);
    }));

  it("serverStream() gives what came before the handler failed, and then its error", () =>
    withChannel(async (channel) => {
      const statuses: number[] = [];
      const reading = (async () => {
        const responses = channel.serverStream(stream, ask("fail"));
        for await (const { status } of responses) statuses.push(status);
      })();
      expect(await failureOf(reading)).toMatchObject({
        code: StatusCode.dataLoss,
        message: "lost",
        trailers: { at: "3" },
      });
      expect(statuses).toEqual([0, 1, 2]);
    }));

  it("serverStream() does not run far ahead of a slow reader, and stops when it leaves", () =>
    withChannel(async (channel, { seen }) => {
      for await (const { status } of channel.serverStream(stream, ask("10000000"))) {
        if (status === 10) break;
      }
      await vi.waitFor(() => expect(seen.aborted).toBe(true));
      expect(seen.produced).toBeLessThan(1_000_000);
    }));

  it("an outbox's messages come in order, and its end or failure behind them", () =>
    withChannel(async (channel, { seen }) => {
      let outcome: unknown;
      const read = async (service: string): Promise<number[]> => {
        const statuses: number[] = [];
        seen.produced = 0;
        seen.aborted = false;
        const responses = channel.serverStream(pushed, ask(service));
        const reading = (async () => {
          for await (const { status } of responses) statuses.push(status);
        })();
        outcome = await reading.catch((error: unknown) => error);
        expect(seen.aborted).toBe(true);
        return statuses;
      };
      const nine = Array.from({ length: 9 }, (_, i) => i);
      expect(await read("9 enough")).toEqual(nine);
      expect(outcome).toMatchObject({ code: StatusCode.aborted, message: "enough" });
      expect(await read("9")).toEqual(nine);
      expect(outcome).toBeUndefined();
      expect(await read("0")).toEqual([]);
      expect(await read("3000")).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
    }));

  it("an outbox is blocked by a slow reader, and closed when it leaves", () =>
    withChannel(async (channel, { seen }) => {
      for await (const { status } of channel.serverStream(pushed, ask("30000000"))) {
        if (status === 10) break;
      }
      await vi.waitFor(() => expect(seen.aborted).toBe(true));
      expect(seen.produced).toBeLessThan(1_000_000);
    }));
}

function clientStreamTests(withChannel: WithChannel): void {
  it("clientStream() carries many requests, large ones too, and one response", () =>
    withChannel(async (channel) => {
      const texts = ["a", "bb", "x".repeat(700_000), "", "ccc"];
      expect((await channel.clientStream(collect, askAll(...texts))).status).toBe(700_006);
      expect((await channel.clientStream(collect, askAll())).status).toBe(0);
    }));

  it("clientStream() ends with the handler's error while requests go on, and leaves them", () =>
    withChannel(async (channel) => {
      let isLeft = false;
      async function* requests(): AsyncGenerator<HealthCheckRequest> {
        try {
          for (let i = 0; ; i++) {
            yield ask(i === 3 ? "refuse" : "a");
            await new Promise((resolve) => setImmediate(resolve));
          }
        } finally {
          isLeft = true;
        }
      }
      await expect(channel.clientStream(collect, requests())).rejects.toMatchObject({
        code: StatusCode.aborted,
        message: "enough",
      });
      await vi.waitFor(() => expect(isLeft).toBe(true));
    }));

  it("clientStream() rejects with what its requests throw, and the handler is told", () =>
    withChannel(async (channel, { seen }) => {
      async function* requests(): AsyncGenerator<HealthCheckRequest> {
        yield ask("a");
        await vi.waitFor(() => expect(seen.read).toBe(1));
        throw new RpcError(StatusCode.outOfRange, "no more of them");
      }
      await expect(channel.clientStream(collect, requests())).rejects.toMatchObject({
        code: StatusCode.outOfRange,
        message: "no more of them",
      });
      await vi.waitFor(() => expect(seen.ended).toBe(1));
    }));
}

function duplexTests(withChannel: WithChannel): void {
  it("duplex() answers in turn and sees the half-close", () =>
    withChannel(async (channel) => {
      const call = channel.duplex(duplex);
      const statuses = statusesOf(call.responses);
      for (const text of ["a", "bb", "ccc"]) await call.send(ask(text));
      call.end();
      expect(await statuses).toEqual([1, 2, 3, -1]);
    }));

  it("duplex() carries large messages both ways at once", () =>
    withChannel(async (channel) => {
      const call = channel.duplex(mirror);
      const lengths: number[] = [];
      const reading = (async () => {
        for await (const { service } of call.responses) lengths.push(service.length);
      })();
      const wanted = Array.from({ length: 6 }, (_, i) => 300_000 + i);
      for (const length of wanted) await call.send(ask("x".repeat(length)));
      call.end();
      await reading;
      expect(lengths).toEqual(wanted);
    }));

  it("duplex() ends with an error when cancelled", () =>
    withChannel(async (channel, { seen }) => {
      const call = channel.duplex(duplex);
      await call.send(ask("a"));
      const read = (async () => {
        for await (const { status } of call.responses) {
          if (status === 1) call.cancel();
        }
      })();
      await expect(read).rejects.toMatchObject({ code: StatusCode.cancelled });
      await vi.waitFor(() => expect(seen.ended).toBe(1));
    }));

  it("duplex() ends well where the handler leaves first, and sends no more", () =>
    withChannel(async (channel) => {
      const call = channel.duplex(leave);
      await call.send(ask("four"));
      expect(await statusesOf(call.responses)).toEqual([4]);
      await expect(call.send(ask("more"))).rejects.toMatchObject({
        name: "RpcError",
        code: StatusCode.unavailable,
      });
    }));
}

function backpressureTests(withChannel: WithChannel): void {
  it("send() waits while the handler does not read", () =>
    withChannel(async (channel, { openGate }) => {
      const call = channel.duplex(gated);
      const statuses = statusesOf(call.responses);
      const progress = { sent: 0 };
      const sending = (async () => {
        for (; progress.sent < 300; progress.sent++) await call.send(ask("x".repeat(20_000)));
        call.end();
      })();
      // Sends that need not wait would all be done before the first of these calls is.
      for (let i = 0; i < 5; i++) await channel.unary(unary, ask("a"));
      expect(progress.sent).toBeLessThan(200);
      openGate();
      await sending;
      expect(await statuses).toEqual([6_000_000]);
    }));

  it("a reader that is slow does not hold up other calls", () =>
    withChannel(async (channel) => {
      const streams = Array.from({ length: 20 }, () =>
        channel.serverStream(blocks, ask("20000"))[Symbol.asyncIterator](),
      );
      for (const one of streams) await one.next();
      const { service } = await channel.unary(repeat, ask("1000000"));
      expect(service.length).toBe(1_000_000);
      for (const one of streams) await one.return?.();
    }));
}

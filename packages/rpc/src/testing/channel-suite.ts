/**
 * What every transport must do, as one suite: grpc-js over sockets, the memory channel, and later
 * our own engine pass the same tests. The service under test is the standard health service.
 */
import { describe, expect, it, vi } from "vitest";
import type { Channel } from "../channel.js";
import { HealthCheckRequest, HealthCheckResponse } from "../gen/health.js";
import { implement, type ServerCall, type ServiceImplementation } from "../handler.js";
import { EncodedMessage } from "../message/encoded-message.js";
import type { MethodDescriptor } from "../message/method.js";
import { Outbox } from "../outbox.js";
import { RpcError, StatusCode } from "../status.js";

export interface ChannelFixture {
  readonly channel: Channel;
  close(): Promise<void>;
}

/** Health's messages in every kind of call. */
const EchoService = {
  name: "test.Echo",
  methods: {
    unary: method("unary"),
    stream: method("server-stream"),
    duplex: method("duplex"),
    pushed: method("server-stream", "pushed"),
    missing: method("unary", "missing"),
  },
} as const;

function method<Kind extends "unary" | "server-stream" | "duplex">(
  kind: Kind,
  name: string = kind,
): MethodDescriptor<HealthCheckRequest, HealthCheckResponse, Kind> {
  return {
    path: `/test.Echo/${name}`,
    kind,
    request: HealthCheckRequest,
    response: HealthCheckResponse,
  };
}

interface Seen {
  aborted: boolean;
  produced: number;
  metadata: ServerCall["metadata"];
}

function echoService(seen: Seen): ServiceImplementation {
  return implement(EchoService, {
    unary: (request, call) => {
      seen.metadata = call.metadata;
      if (request.service === "refuse") {
        throw new RpcError(StatusCode.failedPrecondition, "refused: ∂ is not allowed");
      }
      if (request.service === "break") throw new Error("broken");
      if (request.service === "hang") {
        return new Promise((_, reject) => {
          call.signal.addEventListener("abort", () => {
            seen.aborted = true;
            reject(call.signal.reason);
          });
        });
      }
      const response = HealthCheckResponse.create({ status: request.service.length });
      return request.service.startsWith("encoded") ? inParts(response) : response;
    },
    stream: async function* (request, call) {
      try {
        for (let i = 0; i < Number(request.service); i++) {
          seen.produced++;
          const response = HealthCheckResponse.create({ status: i });
          yield i === 1 ? inParts(response) : response;
        }
      } finally {
        seen.aborted = call.signal.aborted;
      }
    },
    duplex: async function* (requests) {
      for await (const request of requests) {
        yield HealthCheckResponse.create({ status: request.service.length });
      }
      yield HealthCheckResponse.create({ status: -1 });
    },
    pushed: ({ service }) => push(service, seen),
  });
}

/** Sends so many as `service` says, three at a time, while there is room; then ends, or fails. */
function push(service: string, seen: Seen): Outbox<HealthCheckResponse> {
  const [count, failure] = service.split(" ");
  const sendSome = (): void => {
    while (seen.produced < Number(count)) {
      if (outbox.isBlocked && seen.produced > 0) return;
      const batch = [0, 1, 2].map((i) => HealthCheckResponse.create({ status: seen.produced + i }));
      outbox.send(batch.map((response, i) => (i === 1 ? inParts(response) : response)));
      seen.produced += 3;
    }
    if (failure === undefined) outbox.end();
    else outbox.fail(new RpcError(StatusCode.aborted, failure));
  };
  const outbox = new Outbox<HealthCheckResponse>({
    onRoom: sendSome,
    onClosed: () => {
      seen.aborted = true;
    },
  });
  sendSome();
  return outbox;
}

function inParts(response: HealthCheckResponse): EncodedMessage {
  const bytes = HealthCheckResponse.encode(response);
  return new EncodedMessage([bytes.subarray(0, 1), bytes.subarray(1)]);
}

export function channelSuite(
  name: string,
  open: (services: readonly ServiceImplementation[]) => Promise<ChannelFixture>,
): void {
  const withChannel = async (
    test: (channel: Channel, seen: Seen) => Promise<void>,
  ): Promise<void> => {
    const seen: Seen = { aborted: false, produced: 0, metadata: {} };
    const fixture = await open([echoService(seen)]);
    try {
      await test(fixture.channel, seen);
    } finally {
      await fixture.close();
    }
  };
  const { unary, stream, duplex, pushed, missing } = EchoService.methods;
  const ask = (service: string): HealthCheckRequest => HealthCheckRequest.create({ service });

  describe(name, () => {
    it("unary() carries a request, metadata and the response", () =>
      withChannel(async (channel, seen) => {
        const response = await channel.unary(unary, ask("four"), { metadata: { token: "x" } });
        expect(response.status).toBe(4);
        expect(seen.metadata["token"]).toBe("x");
      }));

    it("unary() carries a large message both ways", () =>
      withChannel(async (channel) => {
        const response = await channel.unary(unary, ask("x".repeat(1_000_000)));
        expect(response.status).toBe(1_000_000);
      }));

    it("messages may be encoded already, both ways, small and large", () =>
      withChannel(async (channel) => {
        for (const length of [7, 100_000]) {
          const bytes = HealthCheckRequest.encode(ask("encoded".padEnd(length)));
          const request = new EncodedMessage([bytes.subarray(0, 3), bytes.subarray(3)]);
          expect((await channel.unary(unary, request)).status).toBe(length);
        }
      }));

    it("unary() rejects with the handler's code and text", () =>
      withChannel(async (channel) => {
        await expect(channel.unary(unary, ask("refuse"))).rejects.toMatchObject({
          name: "RpcError",
          code: StatusCode.failedPrecondition,
          message: "refused: ∂ is not allowed",
        });
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

    it("unary() ends at its deadline, and the handler is told", () =>
      withChannel(async (channel, seen) => {
        await expect(channel.unary(unary, ask("hang"), { timeoutMs: 50 })).rejects.toMatchObject({
          code: StatusCode.deadlineExceeded,
        });
        await vi.waitFor(() => expect(seen.aborted).toBe(true));
      }));

    it("unary() ends when its signal is aborted, and the handler is told", () =>
      withChannel(async (channel, seen) => {
        const controller = new AbortController();
        const call = channel.unary(unary, ask("hang"), { signal: controller.signal });
        setTimeout(() => controller.abort(), 20);
        await expect(call).rejects.toMatchObject({ code: StatusCode.cancelled });
        await vi.waitFor(() => expect(seen.aborted).toBe(true));
      }));

    it("serverStream() ends when the handler ends", () =>
      withChannel(async (channel) => {
        const statuses: number[] = [];
        for await (const { status } of channel.serverStream(stream, ask("5"))) {
          statuses.push(status);
        }
        expect(statuses).toEqual([0, 1, 2, 3, 4]);
      }));

    it("serverStream() does not run far ahead of a slow reader, and stops when it leaves", () =>
      withChannel(async (channel, seen) => {
        for await (const { status } of channel.serverStream(stream, ask("10000000"))) {
          if (status === 10) break;
        }
        await vi.waitFor(() => expect(seen.aborted).toBe(true));
        expect(seen.produced).toBeLessThan(1_000_000);
      }));

    it("an outbox's messages come in order, and its end or failure behind them", () =>
      withChannel(async (channel, seen) => {
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
      withChannel(async (channel, seen) => {
        for await (const { status } of channel.serverStream(pushed, ask("30000000"))) {
          if (status === 10) break;
        }
        await vi.waitFor(() => expect(seen.aborted).toBe(true));
        expect(seen.produced).toBeLessThan(1_000_000);
      }));

    it("duplex() answers in turn and sees the half-close", () =>
      withChannel(async (channel) => {
        const call = channel.duplex(duplex);
        const statuses: number[] = [];
        const reading = (async () => {
          for await (const { status } of call.responses) statuses.push(status);
        })();
        for (const text of ["a", "bb", "ccc"]) await call.send(ask(text));
        call.end();
        await reading;
        expect(statuses).toEqual([1, 2, 3, -1]);
      }));

    it("duplex() ends with an error when cancelled", () =>
      withChannel(async (channel) => {
        const call = channel.duplex(duplex);
        await call.send(ask("a"));
        const read = (async () => {
          for await (const { status } of call.responses) {
            if (status === 1) call.cancel();
          }
        })();
        await expect(read).rejects.toMatchObject({ code: StatusCode.cancelled });
      }));
  });
}

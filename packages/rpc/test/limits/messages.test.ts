/** Messages in the smallest parts, and the smallest messages: what waits is bounded by what it costs. */
import { connect } from "node:http2";
import { describe, expect, it, vi } from "vitest";
import { HealthCheckRequest, HealthCheckResponse } from "../../src/gen/health.js";
import { implement } from "../../src/handler.js";
import { DEFAULT_LIMITS } from "../../src/http2/connection/limits.js";
import { MessageReader } from "../../src/http2/grpc/message-reader.js";
import { createHttp2Server } from "../../src/http2/server.js";
import type { MethodDescriptor } from "../../src/message/method.js";
import { CALL_HEADERS } from "../support/grpc-caller.js";

describe("one message in parts of one byte", () => {
  it("costs little more than it holds", () => {
    const reader = new MessageReader({ messageBytesMax: 300_000 });
    const used = (): number => {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const before = used();
    reader.push(Uint8Array.of(0, 0, 0x04, 0x93, 0xe0));
    const part = Uint8Array.of(7);
    for (let i = 1; i < 300_000; i++) reader.push(part);
    // An array for each was 65 MB.
    expect(used() - before).toBeLessThan(40_000_000);
    const [message = part] = reader.push(part);
    expect(Buffer.compare(message, new Uint8Array(300_000).fill(7))).toBe(0);
  });
});

describe("messages without a byte", () => {
  it("wait for a handler that does not read within its stream's window", async () => {
    const talk: MethodDescriptor<HealthCheckRequest, HealthCheckResponse, "duplex"> = {
      path: "/test.Talk/talk",
      kind: "duplex",
      request: HealthCheckRequest,
      response: HealthCheckResponse,
    };
    let read: () => void = () => {};
    const mayRead = new Promise<void>((resolve) => {
      read = resolve;
    });
    const service = implement({ name: "test.Talk", methods: { talk } } as const, {
      talk: async function* (requests) {
        await mayRead;
        let status = 0;
        for await (const { service } of requests) status += 1 + service.length;
        yield HealthCheckResponse.create({ status });
      },
    });
    const server = createHttp2Server({ services: [service] });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const session = connect(`http://127.0.0.1:${port}`);
    const stream = session.request({ ...CALL_HEADERS, ":path": talk.path });
    let sentBytes = 0;
    const empties = new Uint8Array(10_000); // 2,000 messages of no bytes behind their prefixes.
    const sending = (async () => {
      for (let i = 0; i < 45; i++) {
        await new Promise((resolve) => stream.write(empties, resolve));
        sentBytes += empties.length;
      }
    })();
    const { streamWindow } = DEFAULT_LIMITS;
    await vi.waitFor(() => expect(sentBytes).toBeGreaterThan(streamWindow / 2));
    for (let i = 0; i < 5; i++) await new Promise((resolve) => session.ping(resolve));
    expect(sentBytes).toBeLessThan(streamWindow + 100_000);
    read();
    await sending;
    stream.end();
    const answer: Buffer = await new Promise((resolve) => void stream.once("data", resolve));
    expect(HealthCheckResponse.decode(answer.subarray(5)).status).toBe(45 * 2_000);
    session.destroy();
    await server.close(0);
  });
});

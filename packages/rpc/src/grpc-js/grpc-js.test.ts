import { get } from "node:http";
import { describe, expect, it } from "vitest";
import { HealthCheckRequest, HealthService } from "../gen/health.js";
import { implement } from "../handler.js";
import { StatusCode } from "../status.js";
import { createGrpcJsChannel } from "./channel.js";
import { createGrpcJsServer } from "./server.js";

describe("createGrpcJsServer()", () => {
  it("serves HTTP/1.1 on the same port", async () => {
    const server = createGrpcJsServer({
      services: [],
      http1: (_request, response) => response.end("plain"),
    });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const text = await new Promise((resolve) => {
      get({ port, host: "127.0.0.1", agent: false }, (response) => {
        response.setEncoding("utf8").on("data", resolve);
      });
    });
    expect(text).toBe("plain");
    await server.close(10);
  });

  it("refuses a request over its limit with resourceExhausted", async () => {
    const service = implement(HealthService, { check: () => ({ status: 1 }) });
    const server = createGrpcJsServer({ services: [service], maxRequestBytes: 1000 });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const channel = createGrpcJsChannel({ endpoint: `http://127.0.0.1:${port}` });
    const request = HealthCheckRequest.create({ service: "x".repeat(2000) });
    await expect(channel.unary(HealthService.methods.check, request)).rejects.toMatchObject({
      code: StatusCode.resourceExhausted,
    });
    await channel.close();
    await server.close(10);
  });

  it("says what is wrong with a message that it cannot decode, in every kind of call", async () => {
    const service = implement(HealthService, {
      check: () => ({ status: 1 }),
      watch: async function* () {
        yield { status: 1 };
      },
    });
    const server = createGrpcJsServer({ services: [service] });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const channel = createGrpcJsChannel({ endpoint: `http://127.0.0.1:${port}` });
    // Field 1, of 127 bytes, of which one comes.
    const request = { ...HealthCheckRequest, encode: () => Uint8Array.of(0x0a, 0x7f, 0x61) };
    const refusal = {
      code: StatusCode.internal,
      message:
        "Cannot decode grpc.health.v1.HealthCheckRequest: a field of 127 bytes where 1 are left at offset 2 of 3",
    };
    const { check, watch } = HealthService.methods;
    const empty = HealthCheckRequest.create();
    await expect(channel.unary({ ...check, request }, empty)).rejects.toMatchObject(refusal);
    const stream = channel.serverStream({ ...watch, request }, empty);
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toMatchObject(refusal);
    await channel.close();
    await server.close(10);
  });

  it("listen() rejects with the system's error where the port is taken", async () => {
    const first = createGrpcJsServer({ services: [] });
    const { port } = await first.listen({ host: "127.0.0.1", port: 0 });
    const second = createGrpcJsServer({ services: [] });
    await expect(second.listen({ host: "127.0.0.1", port })).rejects.toThrow("EADDRINUSE");
    await first.close(10);
    await second.close(10);
  });
});

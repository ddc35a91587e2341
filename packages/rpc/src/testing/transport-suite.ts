/** What every transport's channel must do with sockets, beyond what all channels must do. */
import { describe, expect, it, vi } from "vitest";
import type { Channel } from "../channel.js";
import { createChannel } from "../create-channel.js";
import { createServer } from "../create-server.js";
import { HealthCheckRequest, HealthService } from "../gen/health.js";
import { implement } from "../handler.js";
import type { RpcServer } from "../server.js";
import { RpcError, StatusCode } from "../status.js";
import { channelSuite } from "./channel-suite.js";
import { testCertificate } from "./test-certificates.js";
import { type Transport, TRANSPORTS } from "../transport.js";

const { check, watch } = HealthService.methods;
const REQUEST = HealthCheckRequest.create();
const LOCALHOST = testCertificate("localhost");

const healthService = implement(HealthService, {
  check: () => ({ status: 1 }),
  watch: async function* (_request, call) {
    yield { status: 1 };
    await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
  },
});

/** A channel over `client` to servers over each transport, plain and with TLS. */
export function transportSuite(client: Transport): void {
  for (const transport of TRANSPORTS) {
    const pair = `a channel over ${client} to a server over ${transport}`;

    channelSuite(pair, async (services) => {
      const server = createServer({ services, transport });
      const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
      const channel = createChannel({ endpoint: `http://127.0.0.1:${port}`, transport: client });
      return fixtureOf(channel, server);
    });

    channelSuite(`${pair}, with TLS`, async (services) => {
      const tls = { ...LOCALHOST, clientCa: LOCALHOST.cert };
      const server = createServer({ services, transport, tls });
      const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
      const endpoint = `https://localhost:${port}`;
      const channel = createChannel({
        endpoint,
        transport: client,
        tls: { ...LOCALHOST, ca: LOCALHOST.cert },
      });
      return fixtureOf(channel, server);
    });

    describe(pair, () => {
      it("fails as unavailable while there is no server, and works once there is", () =>
        comesBack(client, transport));
    });
  }

  describe(`a channel over ${client}`, () => {
    it("refuses an endpoint that is no URL of http or https", () => {
      expect(() => createChannel({ endpoint: "ftp://a:1", transport: client })).toThrow(TypeError);
    });

    it("refuses a server whose certificate is for another name", () =>
      refusesCertificate(client, "elsewhere", testCertificate("elsewhere").cert));

    it("refuses a server whose certificate it does not trust", () =>
      refusesCertificate(client, "localhost", testCertificate("elsewhere").cert));

    it("ends a call whose response exceeds maxResponseBytes as resourceExhausted", async () => {
      const server = createServer({ services: [healthService] });
      const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
      const endpoint = `http://127.0.0.1:${port}`;
      const channel = createChannel({ endpoint, transport: client, maxResponseBytes: 1 });
      await expect(channel.unary(check, REQUEST)).rejects.toMatchObject({
        code: StatusCode.resourceExhausted,
      });
      await fixtureOf(channel, server).close();
    });
  });
}

function fixtureOf(
  channel: Channel,
  server: RpcServer,
): { readonly channel: Channel; close(): Promise<void> } {
  return {
    channel,
    close: async () => {
      await channel.close();
      await server.close(100);
    },
  };
}

async function comesBack(client: Transport, transport: Transport): Promise<void> {
  const options = { services: [healthService], transport };
  const first = createServer(options);
  const { port } = await first.listen({ host: "127.0.0.1", port: 0 });
  // A name of several addresses: none of them answers later.
  const channel = createChannel({ endpoint: `http://localhost:${port}`, transport: client });
  const responses = channel.serverStream(watch, REQUEST)[Symbol.asyncIterator]();
  await responses.next();
  const reading = responses.next();
  await Promise.all([expect(reading).rejects.toMatchObject({ name: "RpcError" }), first.close(10)]);
  await vi.waitFor(async () => {
    const failure = await channel.unary(check, REQUEST).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RpcError);
    expect(failure).toMatchObject({ code: StatusCode.unavailable });
    // Who repeats writes goes by these words: such a call was surely not sent.
    expect(String(failure)).toMatch(/No connection established.*ECONNREFUSED/);
  });
  const second = createServer(options);
  await second.listen({ host: "127.0.0.1", port });
  await vi.waitFor(async () => {
    expect(await channel.unary(check, REQUEST)).toMatchObject({ status: 1 });
  }, 5_000);
  await fixtureOf(channel, second).close();
}

async function refusesCertificate(
  client: Transport,
  name: "localhost" | "elsewhere",
  ca: string,
): Promise<void> {
  const server = createServer({ services: [healthService], tls: testCertificate(name) });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const endpoint = `https://127.0.0.1:${port}`;
  const channel = createChannel({ endpoint, transport: client, tls: { ca } });
  await expect(channel.unary(check, REQUEST)).rejects.toMatchObject({
    name: "RpcError",
    code: StatusCode.unavailable,
  });
  await fixtureOf(channel, server).close();
}

/** A server that is gone without a word: the packets of its connection vanish from some moment on. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { realClock } from "@sagong/base/real";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Channel } from "./channel.js";
import { createChannel } from "./create-channel.js";
import { createHealthService } from "./health-service.js";
import { createServer } from "./create-server.js";
import { HealthCheckRequest, HealthService } from "./gen/health.js";
import { StatusCode } from "./status.js";
import { type Transport, TRANSPORTS } from "./transport.js";

const PATIENCE = { connectMs: 200, silenceMs: 200, answerMs: 200 };

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

interface Relay {
  readonly port: number;
  /** From now on nothing goes through, or what comes by new connections does again. */
  swallow(isSwallowing: boolean): void;
}

/** Leads to `port` until it is told to swallow everything. */
async function relayTo(port: number): Promise<Relay> {
  const sockets: Socket[] = [];
  let isSwallowing = false;
  const relay = createTcpServer((caller) => {
    sockets.push(caller);
    caller.on("error", () => {});
    if (isSwallowing) return void caller.resume();
    const called = connect(port, "127.0.0.1");
    sockets.push(called);
    for (const [from, to] of [[caller, called] as const, [called, caller] as const]) {
      from.on("data", (bytes) => {
        if (!isSwallowing) to.write(bytes);
      });
      from.on("error", () => {});
      from.on("close", () => {
        if (!isSwallowing) to.destroy();
      });
    }
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  ends.push(async () => {
    for (const socket of sockets) socket.destroy();
    relay.close();
    await once(relay, "close");
  });
  return {
    port: (relay.address() as AddressInfo).port, // It listens on a port.
    swallow: (yes) => {
      isSwallowing = yes;
    },
  };
}

/** A channel, which connects with its first call, to a server behind a relay. */
async function channelOver(
  transport: Transport,
): Promise<{ readonly relay: Relay; readonly channel: Channel }> {
  const server = createServer({
    transport,
    services: [createHealthService(() => true, { clock: realClock() })],
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  ends.push(() => server.close(0));
  const relay = await relayTo(port);
  const endpoint = `http://127.0.0.1:${relay.port}`;
  const channel = createChannel({ endpoint, transport, patience: PATIENCE });
  ends.push(() => channel.close());
  return { relay, channel };
}

describe.each(TRANSPORTS)("a channel over %s", (transport) => {
  it("gives a silent connection up as soon as it is told to, and the call that waits", async () => {
    const { relay, channel } = await channelOver(transport);
    const watch = channel.serverStream(HealthService.methods.watch, HealthCheckRequest.create({}));
    const answers = watch[Symbol.asyncIterator]();
    await answers.next();
    relay.swallow(true);
    const startedMs = performance.now();
    await expect(answers.next()).rejects.toMatchObject({ code: StatusCode.unavailable });
    // Without being told it would be fifteen seconds; machines may be busy.
    expect(performance.now() - startedMs).toBeLessThan(8_000);
  });

  it("gives up a connection that is made and never answered, and makes another", async () => {
    const { relay, channel } = await channelOver(transport);
    relay.swallow(true);
    const check = (): Promise<unknown> =>
      channel.unary(HealthService.methods.check, HealthCheckRequest.create({}));
    await expect(check()).rejects.toMatchObject({ code: StatusCode.unavailable });
    relay.swallow(false);
    // The attempt that was begun meanwhile may be one more in vain.
    await vi.waitFor(check, { timeout: 8_000 });
  });
});

/** Members are addresses of the loopback; Linux has all of 127/8. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { freePorts } from "../support/free-ports.js";
import { type Addresses, PeerProxy } from "./peer-proxy.js";

const DELAY_MS = 150;
const ends: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

interface Pair {
  readonly proxy: PeerProxy;
  /** From a to b, over the proxy. */
  readonly caller: Socket;
  /** What b has of it. */
  readonly called: Socket;
}

async function connected(): Promise<Pair> {
  const [peerPort = 0, ...proxyPorts] = await freePorts(3);
  const network: Addresses = {
    names: ["a", "b"],
    nameAt: (address) => (address === "127.0.0.2" ? "a" : "b"),
    callerAddress: (name) => (name === "a" ? "127.0.0.12" : "127.0.0.13"),
    peerEndpoint: () => `127.0.0.1:${peerPort}`,
    proxyEndpoint: (name) => `127.0.0.1:${proxyPorts[name === "a" ? 0 : 1]}`,
  };
  const server = createServer();
  server.listen(peerPort, "127.0.0.1");
  await once(server, "listening");
  const proxy = new PeerProxy(network);
  await proxy.listen();
  const accepted = once(server, "connection");
  const [, port] = network.proxyEndpoint("b").split(":");
  const caller = connect({ host: "127.0.0.1", port: Number(port), localAddress: "127.0.0.2" });
  caller.on("error", () => {});
  // A server's "connection" comes with its socket.
  const [called] = (await accepted) as [Socket];
  called.on("error", () => {});
  ends.push(async () => {
    for (const socket of [caller, called]) socket.destroy();
    server.close();
    await proxy.close();
  });
  return { proxy, caller, called };
}

async function textOf(socket: Socket, length: number): Promise<string> {
  let text = "";
  while (text.length < length) {
    const [chunk] = await once(socket, "data");
    text += String(chunk);
  }
  return text;
}

/** With an error or without. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

describe("PeerProxy", () => {
  it("passes bytes on, from the address of whoever called", async () => {
    const { caller, called } = await connected();
    caller.write("there");
    expect(await textOf(called, 5)).toBe("there");
    called.write("and back");
    expect(await textOf(caller, 8)).toBe("and back");
    expect(called.remoteAddress).toBe("127.0.0.12");
  });

  it("delays one direction, in order, also when the delay ends meanwhile", async () => {
    const { proxy, caller, called } = await connected();
    proxy.setLink("a", "b", { delayMs: DELAY_MS });
    const startedMs = performance.now();
    caller.write("1");
    await new Promise((resolve) => setTimeout(resolve, 20));
    proxy.heal();
    caller.write("2");
    expect(await textOf(called, 2)).toBe("12");
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(DELAY_MS - 5);
  });

  it("lets a narrow link carry so many bytes a second", async () => {
    const { proxy, caller, called } = await connected();
    proxy.setLink("a", "b", { bytesPerSecond: 10_000 });
    const startedMs = performance.now();
    caller.write("x".repeat(2_000));
    await textOf(called, 2_000);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(150);
  });

  it("holds back what is stalled until it is healed", async () => {
    const { proxy, caller, called } = await connected();
    proxy.setLink("a", "b", { isStalled: true });
    caller.write("late");
    called.write("back");
    expect(await textOf(caller, 4)).toBe("back");
    expect(called.bytesRead).toBe(0);
    proxy.heal();
    expect(await textOf(called, 4)).toBe("late");
  });

  it("resets both ends", async () => {
    const { proxy, caller, called } = await connected();
    const closed = Promise.all([closeOf(caller), closeOf(called)]);
    expect(proxy.reset("b", "a")).toBe(1);
    await closed;
  });

  it("leaves the caller of a half-open connection without a word", async () => {
    const { proxy, caller, called } = await connected();
    const closed = closeOf(called);
    expect(proxy.halfOpen("a", "b")).toBe(1);
    await closed;
    await new Promise((resolve) => caller.write("anybody there?", resolve));
    expect(caller.destroyed).toBe(false);
  });
});

/**
 * Every byte between members goes through here: what the kernel's netem would do where it is missing
 * (delay, a narrow link), and what netem cannot (a connection that stalls, is reset, or is known to
 * one end only). One listener for each member, at the address under which the others know it.
 *
 * P1 bytes of one direction leave in the order in which they came, none is lost or made up.
 * P2 a direction holds `HELD_BYTES_MAX` at most: beyond, the sender is no longer read from.
 */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { ChaosNetwork } from "./network.js";

/** What one direction of a link does to its bytes. */
export interface LinkQuality {
  readonly delayMs: number;
  /** Infinity: no limit. */
  readonly bytesPerSecond: number;
  /** Nothing passes, nobody is told. */
  readonly isStalled: boolean;
}

const GOOD: LinkQuality = { delayMs: 0, bytesPerSecond: Infinity, isStalled: false };
/** Some windows of TCP: what is on its way in a slow link. */
const HELD_BYTES_MAX = 1024 * 1024;
const STALL_POLL_MS = 20;

/** Who is where; the ports are part of the endpoints. */
export type Addresses = Pick<
  ChaosNetwork,
  "names" | "nameAt" | "callerAddress" | "peerEndpoint" | "proxyEndpoint"
>;

interface Connection {
  readonly from: string;
  readonly to: string;
  readonly caller: Socket;
  readonly called: Socket;
}

export class PeerProxy {
  readonly #network: Addresses;
  readonly #servers: Server[] = [];
  /** Those that both ends know of. */
  readonly #connections = new Set<Connection>();
  readonly #sockets = new Set<Socket>();
  readonly #qualities = new Map<string, LinkQuality>();

  constructor(network: Addresses) {
    this.#network = network;
  }

  async listen(): Promise<void> {
    for (const name of this.#network.names) {
      const server = createServer((caller) => this.#accept(caller, name));
      const [host, port] = this.#network.proxyEndpoint(name).split(":");
      server.listen(Number(port), host);
      await once(server, "listening");
      this.#servers.push(server);
    }
  }

  /** Of what `from` sends to `to`, over whoever's connection. */
  setLink(from: string, to: string, quality: Partial<LinkQuality>): void {
    this.#qualities.set(`${from} > ${to}`, { ...this.#quality(from, to), ...quality });
  }

  heal(): void {
    this.#qualities.clear();
  }

  /** Both ends of the connections between the two learn of it. How many there were. */
  reset(a: string, b: string): number {
    const connections = this.#between(a, b);
    for (const { caller, called } of connections) {
      caller.resetAndDestroy();
      called.resetAndDestroy();
    }
    return connections.length;
  }

  /** The called end is reset; the caller is told nothing and goes on sending, to nobody. */
  halfOpen(a: string, b: string): number {
    const connections = this.#between(a, b);
    for (const connection of connections) {
      this.#connections.delete(connection);
      const { caller, called } = connection;
      called.removeAllListeners("close");
      called.removeAllListeners("data");
      called.resetAndDestroy();
      caller.removeAllListeners("data");
      caller.on("data", () => {});
      caller.resume();
    }
    return connections.length;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
    await Promise.all(this.#servers.map((server) => once(server, "close")));
  }

  #between(a: string, b: string): readonly Connection[] {
    const ends = [a, b].toSorted().join();
    return [...this.#connections].filter(({ from, to }) => [from, to].toSorted().join() === ends);
  }

  #accept(caller: Socket, to: string): void {
    const from = this.#network.nameAt(caller.remoteAddress ?? "");
    const [host = "", port] = this.#network.peerEndpoint(to).split(":");
    const localAddress = this.#network.callerAddress(from);
    const called = connect({ host, port: Number(port), localAddress });
    const connection = { from, to, caller, called };
    this.#connections.add(connection);
    for (const socket of [caller, called]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      // The end of either is the end of both: peers speak HTTP/2, which ends both ways at once.
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        this.#connections.delete(connection);
        this.#sockets.delete(socket);
        caller.destroy();
        called.destroy();
      });
    }
    this.#pass(caller, called, () => this.#quality(from, to));
    this.#pass(called, caller, () => this.#quality(to, from));
  }

  /** One direction of one connection. */
  #pass(source: Socket, target: Socket, qualityNow: () => LinkQuality): void {
    const held: { readonly bytes: Buffer; readonly dueMs: number }[] = [];
    let heldBytes = 0;
    let freeAtMs = 0;
    let timer: NodeJS.Timeout | undefined;
    const release = (): void => {
      timer = undefined;
      for (let first = held[0]; first; first = held[0]) {
        const waitMs = qualityNow().isStalled ? STALL_POLL_MS : first.dueMs - performance.now();
        if (waitMs > 0) {
          timer = setTimeout(release, waitMs);
          return;
        }
        held.shift();
        heldBytes -= first.bytes.length;
        const hasRoom = target.write(first.bytes);
        if (!hasRoom) {
          source.pause();
          target.once("drain", () => {
            source.resume();
            release();
          });
          return;
        }
      }
      if (heldBytes < HELD_BYTES_MAX && source.isPaused()) source.resume();
    };
    source.on("data", (bytes: Buffer) => {
      const { delayMs, bytesPerSecond } = qualityNow();
      const nowMs = performance.now();
      freeAtMs = Math.max(freeAtMs, nowMs) + (bytes.length / bytesPerSecond) * 1000;
      // Not before what came before it, also where the delay has become shorter.
      const dueMs = Math.max(freeAtMs + delayMs, held.at(-1)?.dueMs ?? 0);
      held.push({ bytes, dueMs });
      heldBytes += bytes.length;
      if (heldBytes >= HELD_BYTES_MAX) source.pause();
      if (timer === undefined) release();
    });
    source.on("close", () => clearTimeout(timer));
  }

  #quality(from: string, to: string): LinkQuality {
    return this.#qualities.get(`${from} > ${to}`) ?? GOOD;
  }
}

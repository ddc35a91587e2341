/**
 * A connection from one node to another, as TCP and HTTP/2 keep it: what is sent arrives in order or
 * not at all; what a cut holds up arrives after it; a reset ends it for who hears of it. A side that
 * does not hear (a cut, a machine without power) believes in it until it sends and is told, or until
 * nothing has come for `SILENCE_MS`.
 *
 * N1 what arrives enters a node through its process's gate only.
 * N2 a side that has closed hears nothing more from the other.
 */
import { RpcError, StatusCode } from "@sagong/rpc";
import type { World } from "../world/world.js";
import type { Link } from "./link.js";
import type { Host, NetworkNode, Port } from "./network-node.js";

/** Our channel's keepalive: it asks after 10 s of silence and gives up 5 s later. */
const SILENCE_MS = 15_000;

/** Something that ends with its connection. */
export interface Carried {
  broken(error: RpcError): void;
}

/** What becomes of a message that the link may treat badly. */
export interface LooseMessage {
  readonly lost: () => void;
  /** Whether a second copy of it means nothing more than one. Asked only where there is one. */
  readonly isRepeatable: () => boolean;
}

export class Connection {
  readonly port: Port;
  readonly client: NetworkNode;
  readonly server: NetworkNode;
  readonly there: Link;
  readonly back: Link;
  /** Calls as either side has them. */
  readonly clientCalls: Set<Carried> = new Set();
  readonly serverCalls: Set<Carried> = new Set();
  readonly #world: World;
  /** The client's process; undefined for clients that are the world's own. */
  readonly #clientHost: Host | undefined;
  #host: Host | undefined;
  #isClosedAtClient = false;
  #isClosedAtServer = false;
  #isWatched = false;
  #lastThereMs = 0;
  #lastBackMs = 0;

  constructor(
    world: World,
    ends: { readonly client: NetworkNode; readonly server: NetworkNode; readonly port: Port },
    links: { readonly there: Link; readonly back: Link },
  ) {
    this.#world = world;
    this.client = ends.client;
    this.server = ends.server;
    this.port = ends.port;
    this.there = links.there;
    this.back = links.back;
    this.#clientHost = ends.client.host;
  }

  get isUsable(): boolean {
    return !this.#isClosedAtClient;
  }

  /** In order. `deliver` runs in the server's process, which it is given. */
  toServer(bytes: number, deliver: (host: Host) => void): void {
    if (this.#isClosedAtClient) return;
    this.#carry(this.there, bytes, () => this.#arriveAtServer(deliver));
  }

  /** In order. `deliver` runs in the client's process. */
  toClient(bytes: number, deliver: () => void): void {
    if (this.#isClosedAtServer) return;
    this.#carry(this.back, bytes, () => {
      if (!this.#isClosedAtClient) this.#enterClient(deliver);
    });
  }

  /** Whether the link treats messages worse than TCP would; one that is cut holds them up. */
  get isLossyToServer(): boolean {
    return !this.there.isBlocked && this.there.isLossy;
  }

  /** A message that the link may lose, double or let overtake: for links that do (`isLossyToServer`). */
  looselyToServer(bytes: number, deliver: (host: Host) => void, loose: LooseMessage): void {
    const { there } = this;
    const fate = there.fateOfMessage(bytes);
    if (fate.length === 0) return loose.lost();
    const copies = fate.length > 1 && !loose.isRepeatable() ? fate.slice(0, 1) : fate;
    for (const { delayMs, isOrdered } of copies) {
      const arrive = (): void => this.#arriveAtServer(deliver);
      if (isOrdered) this.#inOrder(there, delayMs, arrive);
      else this.#world.after(delayMs, arrive);
    }
  }

  /** The client ends it: the server is told, if anything gets through. */
  closeAtClient(reason: string): void {
    if (this.#isClosedAtClient) return;
    this.toServer(0, () => this.#breakAtServer(reason));
    this.#breakAtClient(reason);
  }

  /** The server ends it, in order: what it sent before arrives. */
  closeAtServer(reason: string): void {
    if (this.#isClosedAtServer) return;
    this.toClient(0, () => this.#breakAtClient(reason));
    this.#breakAtServer(reason);
  }

  /** The client's process is dead; its kernel tells the server, unless the machine is off. */
  clientDied({ isTold }: { readonly isTold: boolean }): void {
    if (isTold) this.toServer(0, () => this.#breakAtServer("the client is gone"));
    this.#isClosedAtClient = true;
    this.client.outgoing.delete(this);
    this.clientCalls.clear();
  }

  /** A client that has nothing to send, or no room for it, learns of it by silence alone. */
  serverDied({ isTold }: { readonly isTold: boolean }): void {
    if (isTold) this.toClient(0, () => this.#breakAtClient("the connection was reset"));
    else this.#world.after(SILENCE_MS, () => this.#giveUp());
    this.#isClosedAtServer = true;
    this.serverCalls.clear();
  }

  /** Both sides notice, at once. */
  break(reason: string): void {
    this.#enterClient(() => this.#breakAtClient(reason));
    const host = this.#host;
    if (host) host.gate.enter(() => this.#breakAtServer(reason));
    else this.#isClosedAtServer = true;
  }

  /** A link of it is blocked: either it comes back in time, or the client gives up. */
  watchSilence(): void {
    if (this.#isWatched || this.#isClosedAtClient) return;
    this.#isWatched = true;
    this.#world.after(SILENCE_MS, () => {
      this.#isWatched = false;
      if (this.there.isBlocked || this.back.isBlocked) this.#giveUp();
    });
  }

  #giveUp(): void {
    this.#enterClient(() => this.closeAtClient("nothing has come for long"));
  }

  #carry(link: Link, bytes: number, arrive: () => void): void {
    if (link.isBlocked) {
      link.hold(() => this.#carry(link, bytes, arrive));
      this.watchSilence();
      return;
    }
    this.#inOrder(link, link.delayMs(bytes), arrive);
  }

  #inOrder(link: Link, delayMs: number, arrive: () => void): void {
    const { nowMs } = this.#world;
    const isThere = link === this.there;
    const atMs = Math.max(nowMs + delayMs, isThere ? this.#lastThereMs : this.#lastBackMs);
    if (isThere) this.#lastThereMs = atMs;
    else this.#lastBackMs = atMs;
    this.#world.after(atMs - nowMs, arrive);
  }

  #arriveAtServer(deliver: (host: Host) => void): void {
    const { server } = this;
    if (server.isOff) return this.#carry(this.there, 0, () => this.#arriveAtServer(deliver));
    const host = (this.#host ??= this.#accept());
    if (!host || host.isGone || this.#isClosedAtServer) return this.#refuse();
    // What `enter` does: hardly any message waits, and there are too many for a closure more.
    if (host.gate.admits()) this.#deliverAtServer(host, deliver);
    else host.gate.wait(() => this.#deliverAtServer(host, deliver));
  }

  #deliverAtServer(host: Host, deliver: (host: Host) => void): void {
    if (!this.#isClosedAtServer) deliver(host);
  }

  #accept(): Host | undefined {
    const { host } = this.server;
    if (!host?.listensOn(this.port) || this.#isClosedAtServer) return undefined;
    host.connections.add(this);
    return host;
  }

  /** Nobody listens, or the one who did is gone: the kernel answers with a reset. */
  #refuse(): void {
    const reason = this.#host ? "the connection was reset" : "the connection was refused";
    this.#carry(this.back, 0, () => this.#enterClient(() => this.#breakAtClient(reason)));
  }

  #enterClient(deliver: () => void): void {
    if (this.#clientHost) this.#clientHost.gate.enter(deliver);
    else deliver();
  }

  #breakAtClient(reason: string): void {
    if (this.#isClosedAtClient) return;
    this.#isClosedAtClient = true;
    this.client.outgoing.delete(this);
    this.#fail(this.clientCalls, reason);
  }

  #breakAtServer(reason: string): void {
    if (this.#isClosedAtServer) return;
    this.#isClosedAtServer = true;
    this.#host?.connections.delete(this);
    this.#fail(this.serverCalls, reason);
  }

  #fail(calls: Set<Carried>, reason: string): void {
    if (calls.size === 0) return;
    const error = new RpcError(StatusCode.unavailable, reason);
    const open = [...calls];
    calls.clear();
    for (const call of open) call.broken(error);
  }
}

/**
 * The simulated network: nodes (machines of members, clients), a directed link between each two, and
 * the connections over them. Members' raft messages go over connections, too, by the real transport;
 * on a link that is told to lose, double or reorder, their streams do what a connection never would,
 * since raft is to bear it (Raft §5.1: it does not depend on order or on delivery).
 */
import type { Clock } from "@sagong/base";
import { decodeMessages, describeMessage, PeerService } from "@sagong/raft/wire";
import type { AnyMethod, Channel } from "@sagong/rpc";
import type { ProcessGate } from "../member/process-gate.js";
import type { SimulatedWorld } from "../world/simulated-world.js";
import { Connection } from "./connection.js";
import { GOOD_LINK, Link } from "./link.js";
import { Host, type NetworkNode, type Port } from "./network-node.js";
import { type CarrierTap, SimulatedChannel } from "./simulated-channel.js";
import type { LinkState, SimulatedNetwork } from "./simulated-network.js";

const ALL = "*";

export class Network implements SimulatedNetwork, CarrierTap {
  readonly #world: SimulatedWorld;
  readonly #nodes = new Map<string, NetworkNode>();
  readonly #links = new Map<string, Link>();
  /** Cuts as they were asked for, by `from to`. */
  readonly #cuts = new Set<string>();

  constructor(world: SimulatedWorld) {
    this.#world = world;
  }

  // ── For faults ───────────────────────────────────────────────────────────────────────────────

  cut(from: string, to: string): void {
    this.#cuts.add(pairOf(from, to));
    this.#review();
  }

  mend(from: string, to: string): void {
    this.#cuts.delete(pairOf(from, to));
    this.#review();
  }

  heal(): void {
    this.#cuts.clear();
    for (const link of this.#links.values()) link.state = GOOD_LINK;
    this.#review();
  }

  isCut(from: string, to: string): boolean {
    if (this.#cuts.size === 0) return false;
    return [pairOf(from, to), pairOf(from, ALL), pairOf(ALL, to), pairOf(ALL, ALL)].some((pair) =>
      this.#cuts.has(pair),
    );
  }

  setLink(from: string, to: string, state: Partial<LinkState>): void {
    const link = this.#link(from, to);
    link.state = { ...link.state, ...state };
  }

  resetLink(from: string, to: string): void {
    this.#link(from, to).state = GOOD_LINK;
  }

  breakConnections(a: string, b: string): void {
    for (const { client, server, connection } of this.#open()) {
      const isBetween = (client === a && server === b) || (client === b && server === a);
      if (isBetween) connection.break("the connection was reset");
    }
  }

  // ── For members ──────────────────────────────────────────────────────────────────────────────

  /** The machine has power, and a process that may connect and, later, listen. */
  enter(name: string, gate: ProcessGate): Host {
    const node = this.#node(name);
    node.isOff = false;
    node.host = new Host(gate);
    this.#review();
    return node.host;
  }

  /** The process is dead. Without power its machine tells nobody. */
  leave(name: string, { hasPower }: { readonly hasPower: boolean }): void {
    const node = this.#node(name);
    const { host } = node;
    node.host = undefined;
    node.isOff = !hasPower;
    if (host) {
      host.leave();
      for (const connection of host.connections) connection.serverDied({ isTold: hasPower });
      for (const connection of node.outgoing) connection.clientDied({ isTold: hasPower });
    }
    this.#review();
  }

  /** `clock` is the client's. It connects when it is used, and again after a break. */
  channel(ends: {
    readonly client: string;
    readonly server: string;
    readonly port: Port;
    readonly clock: Clock;
  }): Channel {
    const client = this.#node(ends.client);
    const server = this.#node(ends.server);
    const { port, clock } = ends;
    const connect = (): Connection => {
      const there = this.#link(client.name, server.name);
      const back = this.#link(server.name, client.name);
      const connection = new Connection(this.#world, { client, server, port }, { there, back });
      client.outgoing.add(connection);
      return connection;
    };
    return new SimulatedChannel({ port, clock, connect, carrier: this });
  }

  // ── What it sees of what it carries ──────────────────────────────────────────────────────────

  isLoose(method: AnyMethod): boolean {
    return method === PeerService.methods.exchange;
  }

  /**
   * All of raft's own messages are. A proposal that a follower hands to its leader is not: twice
   * proposed it is twice in the log. That is no property of raft; the connection sees to it.
   */
  isRepeatable(bytes: Uint8Array): boolean {
    return decodeMessages(bytes).every(({ kind }) => kind !== "propose");
  }

  answered(bytes: Uint8Array): void {
    this.#world.digest.bytes(bytes);
  }

  sent(
    method: AnyMethod,
    { client, server }: Connection,
    bytes: Uint8Array,
  ): ((isLost: boolean) => void) | undefined {
    this.#world.digest.bytes(bytes);
    const { trace } = this.#world;
    if (!trace.isKeeping || method !== PeerService.methods.exchange) return undefined;
    const texts = decodeMessages(bytes).map((message) => describeMessage(message));
    if (texts.length === 0) return undefined; // The stream's greeting.
    const pair = trace.nextPair();
    // The nodes are named beside it.
    const text = texts.map((line) => line.slice(line.indexOf(" ") + 1)).join("; ");
    const event = { kind: "message", who: client.name, to: server.name, text, pair } as const;
    trace.note({ ...event, phase: "begin" });
    return (isLost) => trace.note({ ...event, phase: isLost ? "lost" : "end" });
  }

  #node(name: string): NetworkNode {
    const known = this.#nodes.get(name);
    if (known) return known;
    const node = { name, host: undefined, isOff: false, outgoing: new Set<Connection>() };
    this.#nodes.set(name, node);
    return node;
  }

  #link(from: string, to: string): Link {
    const pair = pairOf(from, to);
    const known = this.#links.get(pair);
    if (known) return known;
    const link = new Link(this.#world, from, to);
    this.#links.set(pair, link);
    this.#reviewLink(link);
    return link;
  }

  /** After anything that blocks links, or no longer does. */
  #review(): void {
    for (const link of this.#links.values()) this.#reviewLink(link);
    for (const { connection } of this.#open()) {
      if (connection.there.isBlocked || connection.back.isBlocked) connection.watchSilence();
    }
  }

  #reviewLink(link: Link): void {
    const isBlocked = this.isCut(link.from, link.to) || this.#node(link.to).isOff;
    if (isBlocked) link.block();
    else link.unblock();
  }

  *#open(): Generator<{ client: string; server: string; connection: Connection }> {
    for (const { name, outgoing } of this.#nodes.values()) {
      // A copy: what the caller does may close some of them.
      for (const connection of Array.from(outgoing)) {
        yield { client: name, server: connection.server.name, connection };
      }
    }
  }
}

function pairOf(from: string, to: string): string {
  return `${from} ${to}`;
}

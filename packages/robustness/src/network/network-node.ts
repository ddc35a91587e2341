/** A machine or client in the network, and the process on it that listens, if one does. */
import type { AnyMethod, ServiceImplementation } from "@sagong/rpc";
import type { ProcessGate } from "../member/process-gate.js";
import type { Connection } from "./connection.js";

/** A member listens on two, as the daemon does: for clients, and for its peers. */
export type Port = "client" | "peer";

export interface ServedMethod {
  readonly method: AnyMethod;
  /** What `implement` has checked against the method's kind. */
  readonly handler: unknown;
}

/** A process in the network. It may have connections of its own before it listens. */
export class Host {
  readonly gate: ProcessGate;
  /** Those that it has accepted. */
  readonly connections: Set<Connection> = new Set();
  readonly #ports = new Map<Port, ReadonlyMap<string, ServedMethod>>();
  readonly #refusing = new Set<Port>();
  #isGone = false;

  constructor(gate: ProcessGate) {
    this.gate = gate;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  listen(port: Port, services: readonly ServiceImplementation[]): void {
    const methods = new Map<string, ServedMethod>();
    for (const { descriptor, handlers } of services) {
      for (const [name, method] of Object.entries(descriptor.methods)) {
        const handler = handlers[name];
        if (handler !== undefined) methods.set(method.path, { method, handler });
      }
    }
    this.#ports.set(port, methods);
  }

  listensOn(port: Port): boolean {
    return this.#ports.has(port) && !this.#refusing.has(port);
  }

  /** No new connections or calls; what is open goes on. */
  refuse(port: Port): void {
    this.#refusing.add(port);
  }

  /** Calls that are open on its connections. */
  openCalls(port: Port): number {
    let count = 0;
    for (const connection of this.connections) {
      if (connection.port === port) count += connection.serverCalls.size;
    }
    return count;
  }

  /** No new connections, and the end of those that are open. */
  closePort(port: Port): void {
    this.#ports.delete(port);
    for (const connection of this.connections) {
      if (connection.port === port) connection.closeAtServer("the server is closing");
    }
  }

  served(port: Port, path: string): ServedMethod | undefined {
    return this.listensOn(port) ? this.#ports.get(port)?.get(path) : undefined;
  }

  /** The process has ended. */
  leave(): void {
    this.#isGone = true;
    this.#ports.clear();
  }
}

export interface NetworkNode {
  readonly name: string;
  /** The running process; undefined for clients, which are the world's own, and where none runs. */
  host: Host | undefined;
  /** Without power: what arrives is not even refused. */
  isOff: boolean;
  /** Connections that it has made. */
  readonly outgoing: Set<Connection>;
}

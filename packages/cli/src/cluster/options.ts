/** What `sagong start` is asked to run, and the errors of asking for what cannot be. */
import type { Transport } from "@sagong/rpc";

export interface ClusterOptions {
  /** Absolute. */
  readonly dataDir: string;
  /** Store members: 1, 3 or 5. */
  readonly members: number;
  /** Node agents. */
  readonly nodes: number;
  /** Added to every default port. */
  readonly portOffset: number;
  /** Everything in one process. */
  readonly single: boolean;
  /** What carries gRPC and HTTP/2 between the parts, and to clients. */
  readonly transport: Transport;
}

/** A refusal that needs no stack: one sentence that says what to do. */
export class ClusterError extends Error {
  override readonly name: string = "ClusterError";
}

const MEMBER_COUNTS = [1, 3, 5];
/** Agents take ports from 10250 on and a /16 of the loopback range each, within 127.64 to 127.255. */
const NODES_MAX = 100;
const PORT_OFFSET_MAX = 50_000;

/** Throws `ClusterError` naming the flag, its value and what was expected. */
export function checkClusterOptions(options: ClusterOptions): void {
  if (!MEMBER_COUNTS.includes(options.members)) {
    throw new ClusterError(`--members ${options.members}: expected 1, 3 or 5`);
  }
  checkWhole("--nodes", options.nodes, NODES_MAX);
  checkWhole("--port-offset", options.portOffset, PORT_OFFSET_MAX);
}

function checkWhole(flag: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new ClusterError(`${flag} ${value}: expected a whole number from 0 to ${max}`);
  }
}

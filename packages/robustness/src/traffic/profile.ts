/**
 * What kinds of clients a run has, how many and how eager: chosen by seed, so that many seeds see many
 * mixtures (swarm testing, Groce et al. 2012: leaving features out finds more than all at once).
 */
import type { Random } from "@sagong/base";
import { between, happens, oneOf } from "./dice.js";

/** What a client of keys and values does next; figures are relative. */
export type KvWeights = Readonly<Record<KvAction, number>>;

export type KvAction =
  | "put"
  | "get"
  | "list"
  | "old-revision"
  | "limited"
  | "serializable"
  | "delete"
  | "delete-range"
  | "txn"
  | "compare-and-swap"
  | "txn-old-read";

export interface TrafficProfile {
  readonly name: string;
  readonly kvClients: number;
  /** Of these, how many go over the store's own client, which fails over, rather than one channel. */
  readonly failoverClients: number;
  /** Mean pause of each client between two requests. */
  readonly thinkMs: number;
  readonly keys: number;
  readonly weights: KvWeights;
  readonly watchClients: number;
  /** How many of these read late. */
  readonly slowWatchClients: number;
  readonly leaseClients: number;
  readonly lockClients: number;
  /** Mean pause between two compactions; undefined: none. */
  readonly compactionMs: number | undefined;
}

const EVEN: KvWeights = {
  put: 30,
  get: 18,
  list: 8,
  "old-revision": 5,
  limited: 4,
  serializable: 6,
  delete: 6,
  "delete-range": 1,
  txn: 10,
  "compare-and-swap": 10,
  "txn-old-read": 2,
};

const STEADY: TrafficProfile = {
  name: "steady",
  kvClients: 5,
  failoverClients: 1,
  thinkMs: 500,
  keys: 10,
  weights: EVEN,
  watchClients: 3,
  slowWatchClients: 1,
  leaseClients: 2,
  lockClients: 2,
  compactionMs: 8_000,
};

/** Each leans to one side, so that what it is about happens often. */
export const TRAFFIC_PROFILES: readonly TrafficProfile[] = [
  STEADY,
  {
    ...STEADY,
    name: "contended",
    kvClients: 8,
    thinkMs: 600,
    keys: 2,
    weights: { ...EVEN, "compare-and-swap": 30, txn: 20, delete: 12 },
  },
  {
    ...STEADY,
    name: "kubernetes",
    keys: 24,
    weights: { ...EVEN, put: 4, list: 12, "compare-and-swap": 45, "delete-range": 0 },
    watchClients: 6,
    compactionMs: 5_000,
  },
  {
    ...STEADY,
    name: "watched",
    kvClients: 4,
    watchClients: 10,
    slowWatchClients: 4,
    weights: { ...EVEN, put: 50, delete: 20 },
    compactionMs: 3_000,
  },
  {
    ...STEADY,
    name: "leased",
    kvClients: 3,
    leaseClients: 5,
    lockClients: 5,
    watchClients: 1,
    slowWatchClients: 0,
  },
  { ...STEADY, name: "read-mostly", weights: { ...EVEN, put: 10, get: 50, serializable: 20 } },
  { ...STEADY, name: "plain", leaseClients: 0, lockClients: 0, compactionMs: undefined },
];

export function chooseProfile(random: Random): TrafficProfile {
  const profile = oneOf(random, TRAFFIC_PROFILES);
  return {
    ...profile,
    keys: Math.max(1, Math.round((profile.keys * between(random, [50, 150])) / 100)),
    thinkMs: Math.round((profile.thinkMs * between(random, [80, 130])) / 100),
    failoverClients: happens(random, 0.7) ? profile.failoverClients : 0,
  };
}

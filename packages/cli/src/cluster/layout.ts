/**
 * Where everything of a local cluster is: ports, folders, names. A pure function of the options, so
 * that the supervisor, the single process and the printed summary never disagree.
 *
 *   <data-dir>/cluster.json      what this folder was made for
 *   <data-dir>/kubeconfig        admin access
 *   <data-dir>/pki/              the cluster's CA and certificates
 *   <data-dir>/<member>/         a store member's data     (store-1 …)
 *   <data-dir>/<node>/           a node agent's data       (node-1 …)
 *   <data-dir>/log/<part>.log    what each process said
 */
import { join } from "node:path";
import type { Transport } from "@sagong/rpc";
import type { ClusterOptions } from "./options.js";

export interface MemberLayout {
  readonly name: string;
  readonly dataDir: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly clientUrl: string;
  readonly peerUrl: string;
}

export interface NodeLayout {
  readonly name: string;
  readonly dataDir: string;
  readonly port: number;
  readonly podCidr: string;
}

export interface ClusterLayout {
  readonly dataDir: string;
  readonly pkiDir: string;
  readonly logDir: string;
  readonly kubeconfig: string;
  readonly members: readonly MemberLayout[];
  /** `name=peerUrl,…`: etcd's --initial-cluster. */
  readonly initialCluster: string;
  readonly apiPort: number;
  readonly objectPort: number;
  readonly apiUrl: string;
  readonly objectUrl: string;
  readonly nodes: readonly NodeLayout[];
  readonly transport: Transport;
}

export const HOST = "127.0.0.1";
const CLIENT_PORT = 2379;
const PEER_PORT = 2380;
/** Members stand a hundred ports apart: 2379, 2479, 2579. */
const MEMBER_STRIDE = 100;
const API_PORT = 6443;
const OBJECT_PORT = 6444;
const NODE_PORT = 10250;
/**
 * The second octet of the first node's pod addresses, 127.64.0.0/16. It moves with the ports, so
 * that clusters beside each other do not share addresses either.
 */
const POD_RANGE_START = 64;
const POD_RANGES = 92;

export function clusterLayout(options: ClusterOptions): ClusterLayout {
  const { dataDir, portOffset, transport } = options;
  const members = Array.from({ length: options.members }, (_, i): MemberLayout => {
    const clientPort = CLIENT_PORT + MEMBER_STRIDE * i + portOffset;
    const peerPort = PEER_PORT + MEMBER_STRIDE * i + portOffset;
    return {
      name: `store-${i + 1}`,
      dataDir: join(dataDir, `store-${i + 1}`),
      clientPort,
      peerPort,
      clientUrl: `http://${HOST}:${clientPort}`,
      peerUrl: `http://${HOST}:${peerPort}`,
    };
  });
  const apiPort = API_PORT + portOffset;
  const objectPort = OBJECT_PORT + portOffset;
  return {
    dataDir,
    transport,
    pkiDir: join(dataDir, "pki"),
    logDir: join(dataDir, "log"),
    kubeconfig: join(dataDir, "kubeconfig"),
    members,
    initialCluster: members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(","),
    apiPort,
    objectPort,
    apiUrl: `https://${HOST}:${apiPort}`,
    objectUrl: `https://${HOST}:${objectPort}`,
    nodes: Array.from({ length: options.nodes }, (_, i) => ({
      name: `node-${i + 1}`,
      dataDir: join(dataDir, `node-${i + 1}`),
      port: NODE_PORT + i + portOffset,
      podCidr: `127.${POD_RANGE_START + (portOffset % POD_RANGES) + i}.0.0/16`,
    })),
  };
}

/** Every port that the cluster listens on, with the part that does. */
export function portsOf(layout: ClusterLayout): { readonly port: number; readonly part: string }[] {
  return [
    ...layout.members.flatMap(({ name, clientPort, peerPort }) => [
      { port: clientPort, part: `${name} (clients)` },
      { port: peerPort, part: `${name} (peers)` },
    ]),
    { port: layout.apiPort, part: "the API server" },
    { port: layout.objectPort, part: "the API server (components)" },
    ...layout.nodes.map(({ name, port }) => ({ port, part: name })),
  ];
}

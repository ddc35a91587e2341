/**
 * The parts of a local cluster as command lines, in the order in which they are started. Pure: the
 * supervisor runs them as processes, and the single process reads the same flags.
 */
import { join } from "node:path";
import { type ClusterLayout, HOST, type MemberLayout, type NodeLayout } from "./layout.js";
import type { Part } from "./supervisor.js";

/** How long pods get to end when the whole cluster is stopped: less than a part gets itself. */
export const POD_SHUTDOWN_MS = 8_000;

export function partsOf(layout: ClusterLayout): readonly Part[] {
  const part = (name: string, args: readonly string[]): Part => ({
    name,
    args,
    logFile: join(layout.logDir, `${name}.log`),
  });
  return [
    ...layout.members.map((member) => part(member.name, ["store", ...storeArgs(layout, member)])),
    part("apiserver", [
      "apiserver",
      `--etcd-servers=${layout.members.map(({ clientUrl }) => clientUrl).join(",")}`,
      `--bind-address=${HOST}`,
      `--secure-port=${layout.apiPort}`,
      `--object-port=${layout.objectPort}`,
      `--cert-dir=${layout.pkiDir}`,
      `--kubeconfig=${layout.kubeconfig}`,
      `--experimental-transport=${layout.transport}`,
    ]),
    ...(["controller-manager", "scheduler"] as const).map((name) =>
      part(name, [
        name,
        `--kubeconfig=${componentKubeconfig(layout, name)}`,
        `--identity=${name}-1`,
      ]),
    ),
    ...layout.nodes.map((node) => part(node.name, ["node", ...nodeArgs(layout, node)])),
  ];
}

/** Stopped first to last: pods while the API server still takes their status, the store at the end. */
export function stopOrder(layout: ClusterLayout): readonly (readonly string[])[] {
  return [
    ["controller-manager", "scheduler"],
    layout.nodes.map(({ name }) => name),
    ["apiserver"],
    layout.members.map(({ name }) => name),
  ];
}

export function storeArgs(layout: ClusterLayout, member: MemberLayout): readonly string[] {
  return [
    `--name=${member.name}`,
    `--data-dir=${member.dataDir}`,
    `--listen-client-urls=${member.clientUrl}`,
    `--advertise-client-urls=${member.clientUrl}`,
    `--listen-peer-urls=${member.peerUrl}`,
    `--initial-advertise-peer-urls=${member.peerUrl}`,
    `--initial-cluster=${layout.initialCluster}`,
    "--initial-cluster-state=new",
    "--initial-cluster-token=sagong",
    `--experimental-transport=${layout.transport}`,
  ];
}

function nodeArgs(layout: ClusterLayout, node: NodeLayout): readonly string[] {
  return [
    `--node-name=${node.name}`,
    `--kubeconfig=${componentKubeconfig(layout, node.name)}`,
    `--data-dir=${node.dataDir}`,
    `--address=${HOST}`,
    `--port=${node.port}`,
    `--pod-cidr=${node.podCidr}`,
    `--shutdown-grace-period=${POD_SHUTDOWN_MS}ms`,
  ];
}

export function componentKubeconfig(layout: ClusterLayout, component: string): string {
  return join(layout.pkiDir, `${component}.kubeconfig`);
}

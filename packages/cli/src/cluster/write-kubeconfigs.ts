/**
 * The cluster's certificates and one kubeconfig for each component, before anything is started:
 * then no part waits for another's files.
 */
import type { Clock } from "@sagong/base";
import { type ClusterPki, openPki, writeKubeconfig } from "@sagong/orchestrator";
import { type ClusterLayout, HOST } from "./layout.js";
import { componentKubeconfig } from "./parts.js";

const CONTROL_PLANE = ["controller-manager", "scheduler"] as const;

export async function writeKubeconfigs(
  layout: ClusterLayout,
  { clock }: { readonly clock: Clock },
): Promise<ClusterPki> {
  const pki = await openPki(layout.pkiDir, { clock });
  const { apiUrl: server, objectUrl: objectServer } = layout;
  const writeComponent = (name: string, user: string, pair: ClusterPki["apiServer"]): void =>
    writeKubeconfig(componentKubeconfig(layout, name), {
      server,
      objectServer,
      ca: pki.ca,
      user,
      pair,
    });
  const admin = await pki.clientCertificate("admin", {
    commonName: "kubernetes-admin",
    organization: "system:masters",
  });
  writeKubeconfig(layout.kubeconfig, { server, ca: pki.ca, user: "kubernetes-admin", pair: admin });
  for (const name of CONTROL_PLANE) {
    const user = `system:kube-${name}`;
    const pair = await pki.clientCertificate(name, { commonName: user, organization: "" });
    writeComponent(name, user, pair);
  }
  for (const { name } of layout.nodes) {
    const pair = await pki.nodeCertificate(name, [HOST]);
    writeComponent(name, `system:node:${name}`, pair);
  }
  return pki;
}

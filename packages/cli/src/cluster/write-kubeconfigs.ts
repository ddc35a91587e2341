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
  const write = (path: string, user: string, pair: ClusterPki["apiServer"]): void =>
    writeKubeconfig(path, { server: layout.apiUrl, ca: pki.ca, user, pair });
  const admin = await pki.clientCertificate("admin", {
    commonName: "kubernetes-admin",
    organization: "system:masters",
  });
  write(layout.kubeconfig, "kubernetes-admin", admin);
  for (const name of CONTROL_PLANE) {
    const user = `system:kube-${name}`;
    const pair = await pki.clientCertificate(name, { commonName: user, organization: "" });
    write(componentKubeconfig(layout, name), user, pair);
  }
  for (const { name } of layout.nodes) {
    const pair = await pki.nodeCertificate(name, [HOST]);
    write(componentKubeconfig(layout, name), `system:node:${name}`, pair);
  }
  return pki;
}

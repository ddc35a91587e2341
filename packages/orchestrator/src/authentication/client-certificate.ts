/** Who a verified client certificate says that the caller is: CN is the user, O the groups. */
import type { PeerCertificate, TLSSocket } from "node:tls";
import type { PeerIdentity } from "@sagong/rpc";

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** Undefined where no certificate of the cluster's CA was shown. */
export function userOf(socket: TLSSocket): User | undefined {
  if (!socket.authorized) return undefined;
  // Null once the connection is closed, whatever its type says.
  const certificate: { readonly subject?: PeerCertificate["subject"] } | null =
    socket.getPeerCertificate();
  const subject = certificate?.subject;
  if (!subject?.CN) return undefined;
  const organizations: string | string[] = subject.O ?? [];
  const groups = typeof organizations === "string" ? [organizations] : organizations;
  return userOfIdentity({ commonName: String(subject.CN), organizations: groups });
}

/** The same of a gRPC connection, whose transport has verified it. Undefined without a name. */
export function userOfIdentity({ commonName, organizations }: PeerIdentity): User | undefined {
  if (commonName === "") return undefined;
  return { name: commonName, groups: [...organizations, "system:authenticated"] };
}

/**
 * Until RBAC is there: admins and the cluster's own components may do everything, everyone else
 * nothing.
 */
export function mayDoEverything({ name, groups }: User): boolean {
  return (
    groups.includes("system:masters") ||
    groups.includes("system:nodes") ||
    name === "system:kube-scheduler" ||
    name === "system:kube-controller-manager"
  );
}

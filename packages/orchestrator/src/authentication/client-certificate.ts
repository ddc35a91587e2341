/** Who a verified client certificate says that the caller is: CN is the user, O the groups. */
import type { PeerIdentity } from "@sagong/rpc";

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** Of a connection, whose transport has verified the certificate. Undefined without a name. */
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

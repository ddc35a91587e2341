/**
 * Which objects belong to a controller (controller_ref_manager.go): those that it owns and selects,
 * orphans that it selects and therefore adopts; what it owns but selects no more it releases. A
 * plan as a pure function, and its carrying out.
 */
import { isApiError } from "../api/api-status.js";
import type { LabelSelector, OwnerReference } from "../api/gen/meta-v1.js";
import { apiVersionOf, type KubeObject, keyOf, type Resource } from "../api/resource.js";
import { matchesLabels } from "../api/selectors/label-selector.js";
import type { ObjectClient } from "../client/object-client.js";
import { controllerOf, controllerRef } from "./owned.js";

export interface Claim<T extends KubeObject> {
  readonly owned: readonly T[];
  readonly adopt: readonly T[];
  readonly release: readonly T[];
}

/** An owner that is being deleted neither adopts nor releases. */
export function planClaim<T extends KubeObject>(
  owner: KubeObject,
  selector: LabelSelector | undefined,
  candidates: readonly T[],
): Claim<T> {
  const { namespace, uid, deletionTimestamp } = owner.metadata;
  const going = deletionTimestamp !== undefined;
  const owned: T[] = [];
  const adopt: T[] = [];
  const release: T[] = [];
  for (const one of candidates) {
    if (one.metadata.namespace !== namespace) continue;
    const controller = controllerOf(one);
    const matches = selects(selector, one);
    if (controller?.uid === uid) {
      if (matches) owned.push(one);
      else if (!going) release.push(one);
    } else if (!controller && matches && !going && one.metadata.deletionTimestamp === undefined) {
      adopt.push(one);
    }
  }
  return { owned, adopt, release };
}

/** As a controller's selector: an empty one selects nothing, lest it adopt a whole namespace. */
export function selects(selector: LabelSelector | undefined, { metadata }: KubeObject): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  const isEmpty = Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
  return !isEmpty && matchesLabels(selector, metadata.labels);
}

export interface Claimant<O extends KubeObject> {
  readonly client: ObjectClient;
  readonly resource: Resource<O>;
  readonly owner: O;
}

/** Adopts and releases; resolves with all that belong to the owner then. */
export async function carryOutClaim<T extends KubeObject, O extends KubeObject>(
  claimant: Claimant<O>,
  resource: Resource<T>,
  claim: Claim<T>,
): Promise<T[]> {
  for (const one of claim.release) await release(claimant, resource, one);
  if (claim.adopt.length > 0) await assertLives(claimant);
  const adopted: T[] = [];
  for (const one of claim.adopt) {
    const object = await adopt(claimant, resource, one);
    if (object) adopted.push(object);
  }
  return [...claim.owned, ...adopted];
}

/** A cached owner may be gone, or be another of its name by now: that one must not adopt. */
async function assertLives<O extends KubeObject>({ client, resource, owner }: Claimant<O>) {
  const { uid, name } = owner.metadata;
  const fresh = await client.get(resource, keyOf(owner));
  if (fresh.metadata.uid !== uid || fresh.metadata.deletionTimestamp !== undefined) {
    throw new Error(`Cannot adopt for ${resource.kind} "${name}": it is gone or being deleted`);
  }
}

async function adopt<T extends KubeObject, O extends KubeObject>(
  { client, resource: ownerResource, owner }: Claimant<O>,
  resource: Resource<T>,
  object: T,
): Promise<T | undefined> {
  const kind = { apiVersion: apiVersionOf(ownerResource), kind: ownerResource.kind };
  return changeOwners(client, resource, {
    object,
    owners: (present) => [...present, controllerRef(owner, kind)],
  });
}

async function release<T extends KubeObject, O extends KubeObject>(
  { client, owner }: Claimant<O>,
  resource: Resource<T>,
  object: T,
): Promise<void> {
  await changeOwners(client, resource, {
    object,
    owners: (present) => present.filter(({ uid }) => uid !== owner.metadata.uid),
  });
}

/** On the version that was judged: a Conflict is thrown, and the newer version judged again. */
async function changeOwners<T extends KubeObject>(
  client: ObjectClient,
  resource: Resource<T>,
  change: {
    readonly object: T;
    readonly owners: (present: readonly OwnerReference[]) => readonly OwnerReference[];
  },
): Promise<T | undefined> {
  const { uid, resourceVersion, ownerReferences = [] } = change.object.metadata;
  const metadata = { uid, resourceVersion, ownerReferences: change.owners(ownerReferences) };
  try {
    return await client.patch(resource, keyOf(change.object), { metadata }, { type: "merge" });
  } catch (error) {
    if (isApiError(error, "NotFound")) return undefined;
    throw error;
  }
}

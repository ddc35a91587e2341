/** Every object by uid, and who owns whom: what the informers have shown so far. */
import type { KubeObject, Resource } from "../../api/resource.js";

export interface Known {
  readonly resource: Resource;
  readonly object: KubeObject;
}

export class OwnerGraph {
  readonly #known = new Map<string, Known>();
  /** By owner's uid; owners need not be known themselves. */
  readonly #dependents = new Map<string, Set<string>>();

  get(uid: string): Known | undefined {
    return this.#known.get(uid);
  }

  dependentsOf(uid: string): Known[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((one) => this.#known.get(one) ?? []);
  }

  /** Returns the uids of those whose situation this changes, besides the object itself. */
  set(known: Known): string[] {
    const uid = known.object.metadata.uid ?? "";
    const before = ownersOf(this.#known.get(uid)?.object);
    const now = ownersOf(known.object);
    this.#known.set(uid, known);
    for (const owner of before) if (!now.includes(owner)) this.#unlink(owner, uid);
    for (const owner of now) {
      const dependents = this.#dependents.get(owner) ?? new Set();
      dependents.add(uid);
      this.#dependents.set(owner, dependents);
    }
    // An owner may wait for this one to go, or to block it no longer.
    return [...new Set([...before, ...now])].filter((owner) => this.#isGoing(owner));
  }

  /** As `set`. */
  delete(object: KubeObject): string[] {
    const { uid = "" } = object.metadata;
    const owners = ownersOf(this.#known.get(uid)?.object ?? object);
    this.#known.delete(uid);
    for (const owner of owners) this.#unlink(owner, uid);
    const waiting = owners.filter((owner) => this.#isGoing(owner));
    return [...waiting, ...(this.#dependents.get(uid) ?? [])];
  }

  #isGoing(uid: string): boolean {
    return this.#known.get(uid)?.object.metadata.deletionTimestamp !== undefined;
  }

  #unlink(owner: string, uid: string): void {
    const dependents = this.#dependents.get(owner);
    dependents?.delete(uid);
    if (dependents?.size === 0) this.#dependents.delete(owner);
  }
}

function ownersOf(object: KubeObject | undefined): string[] {
  return (object?.metadata.ownerReferences ?? []).map(({ uid }) => uid);
}

/**
 * What a controller itself has written, as long as its informer does not show it yet: who plans with
 * an informer alone forgets, for a moment, what it has just done. Versions of one resource are compared as
 * numbers, as KEP-5504 allows.
 */
import { type KubeObject, keyOf, keyText } from "../api/resource.js";
import type { Informer } from "../informer/informer.js";

export class OwnWrites<T extends KubeObject> {
  readonly #informer: Informer<T>;
  /** By `namespace/name`; those that the informer has come past go with the next look. */
  readonly #written = new Map<string, T>();

  constructor(informer: Informer<T>) {
    this.#informer = informer;
  }

  /** As the server answered it. */
  wrote(object: T): void {
    this.#written.set(keyText(keyOf(object)), object);
  }

  /** What the informer has, with what was written since. */
  list(): T[] {
    const shown = versionOf(this.#informer.version);
    for (const [key, object] of this.#written) {
      if (versionOf(object.metadata.resourceVersion) <= shown) this.#written.delete(key);
    }
    if (this.#written.size === 0) return this.#informer.list();
    const informed = this.#informer
      .list()
      .filter((object) => !this.#written.has(keyText(keyOf(object))));
    return [...informed, ...this.#written.values()];
  }
}

function versionOf(text: string | undefined): number {
  return Number(text ?? "0");
}

// @ts-check
/** Puts at the rate that it is asked for, each key in its turn. */

const VALUE_BYTES = 256;
/** Puts that are not answered yet; where there are more the store is behind, and the rate falls. */
const UNDER_WAY_MAX = 1_000;

export class SteadyWriter {
  #client;
  #sent = 0;
  #underWay = 0;
  /** @type {unknown} */
  #failure;
  #value = new Uint8Array(VALUE_BYTES).fill(0x76);
  done = 0;
  revision = 0;

  #keys;

  /** @param {import("@sagong/kv/client").StoreClient} client @param {number} keys */
  constructor(client, keys) {
    this.#client = client;
    this.#keys = keys;
  }

  /** Throws what an earlier put failed with. @param {number} wanted puts since the beginning */
  catchUpWith(wanted) {
    if (this.#failure) throw this.#failure;
    while (this.#sent < wanted && this.#underWay < UNDER_WAY_MAX) void this.#put();
  }

  async #put() {
    this.#underWay++;
    const key = new TextEncoder().encode(`growth/${this.#sent++ % this.#keys}`);
    try {
      const { header } = await this.#client.put({ key, value: this.#value });
      this.revision = header?.revision ?? this.revision;
      this.done++;
    } catch (error) {
      this.#failure = error;
    }
    this.#underWay--;
  }
}

/**
 * Pod addresses of the process runtime: one of 127.0.0.0/8 for each pod, from the node's own /16,
 * so that pods of several agents on one machine never share one. Linux answers on all of them
 * without any set-up; where a system does not (macOS), a pod's server must bind 127.0.0.1.
 */

export class LoopbackAddresses {
  readonly #prefix: string;
  readonly #used = new Set<string>();
  #next = 0;

  /** `range` as `127.64.0.0/16`. Throws `RangeError` for anything but a /16 within 127/8. */
  constructor(range: string) {
    const match = /^(127\.\d{1,3})\.0\.0\/16$/.exec(range);
    if (!match) {
      throw new RangeError(
        `Cannot use pod CIDR "${range}": expected a /16 inside 127.0.0.0/8, as 127.64.0.0/16`,
      );
    }
    this.#prefix = match[1] ?? ""; // The group is not optional: it matched.
  }

  /** The next free address, in turn, so that one just given back is not reused at once. */
  allocate(): string {
    for (let tries = 0; tries < HOSTS; tries++) {
      const host = (this.#next++ % HOSTS) + 1;
      const address = `${this.#prefix}.${host >> 8}.${host & 255}`;
      if (this.#used.has(address)) continue;
      this.#used.add(address);
      return address;
    }
    throw new RangeError(`Cannot allocate a pod address: all ${HOSTS} of the range are in use`);
  }

  /** Takes note of an address that a recovered pod has. */
  reserve(address: string): void {
    this.#used.add(address);
  }

  release(address: string): void {
    this.#used.delete(address);
  }
}

/** All of a /16 but its network and broadcast address. */
const HOSTS = 65_534;

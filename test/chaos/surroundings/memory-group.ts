/**
 * A memory cgroup for one member: how much memory its process may have, and whether the kernel has
 * killed it for want of more. Both versions of cgroups (the kernel's admin-guide, cgroup-v1/memory.rst
 * and cgroup-v2.rst). It counts the pages of the member's disk, too, which is a tmpfs.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Version {
  /** Below it groups are made. */
  readonly root: string;
  readonly usage: string;
  readonly limit: string;
  readonly noLimit: string;
  /** Has a line `oom_kill N`. */
  readonly events: string;
}

const VERSIONS: readonly Version[] = [
  {
    root: "/sys/fs/cgroup/memory",
    usage: "memory.usage_in_bytes",
    limit: "memory.limit_in_bytes",
    noLimit: "-1",
    events: "memory.oom_control",
  },
  {
    root: "/sys/fs/cgroup",
    usage: "memory.current",
    limit: "memory.max",
    noLimit: "max",
    events: "memory.events",
  },
];

export class MemoryGroup {
  readonly #folder: string;
  readonly #version: Version;

  /** Undefined where this machine has no memory cgroups, or lets us make none. `name` is unique. */
  static make(name: string): MemoryGroup | undefined {
    for (const version of VERSIONS) {
      const folder = join(version.root, name);
      try {
        mkdirSync(folder);
      } catch {
        continue; // There is no such version here, or it is not ours to change.
      }
      if (existsSync(join(folder, version.limit))) return new MemoryGroup(folder, version);
      rmdirSync(folder); // Version 2 without the controller for memory.
    }
    return undefined;
  }

  private constructor(folder: string, version: Version) {
    this.#folder = folder;
    this.#version = version;
  }

  /** Words before a program's: a shell that moves itself into the group, and becomes the program. */
  get launchPrefix(): readonly string[] {
    return ["sh", "-c", 'echo 0 > "$0" && exec "$@"', join(this.#folder, "cgroup.procs")];
  }

  get usageBytes(): number {
    return Number(this.#read(this.#version.usage));
  }

  /** How many processes the kernel has killed. */
  get kills(): number {
    return Number(/^oom_kill (\d+)$/m.exec(this.#read(this.#version.events))?.[1] ?? 0);
  }

  /** Throws `EBUSY` (version 1) where so much cannot be taken away. */
  limit(bytes: number): void {
    this.#write(String(bytes));
  }

  lift(): void {
    this.#write(this.#version.noLimit);
  }

  /** No process is in it any more. */
  remove(): void {
    rmdirSync(this.#folder);
  }

  #read(file: string): string {
    return readFileSync(join(this.#folder, file), "utf8");
  }

  #write(limit: string): void {
    writeFileSync(join(this.#folder, this.#version.limit), limit);
  }
}

/**
 * The run's end of surroundings.c: builds the library, switches a member's faults by a page of shared
 * memory, and reads there whether they took effect. Linux with glibc.
 */
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "../../support/repository-root.js";

/** As `struct control` has them, 64 bits each. */
const SWITCHES = [
  "wallOffsetNs",
  "writeErrno",
  "syncErrno",
  "syncDelayUs",
  "isLying",
  "writeDelayUs",
] as const;
const COUNTERS = ["writes", "syncs", "lies", "failures", "delays", "clockReads"] as const;
const FIELD_BYTES = 8;
const PAGE_BYTES = 4096;

export type Switch = (typeof SWITCHES)[number];
export type Counter = (typeof COUNTERS)[number];

/** What the system says of a disk that cannot. */
export const EIO: number = constants.errno.EIO;

/** Compiles it into `folder`. Throws with what the compiler said. */
export function buildSurroundings(folder: string): string {
  const library = join(folder, "surroundings.so");
  const source = join(repositoryRoot(), "test/chaos/surroundings/surroundings.c");
  const words = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, source];
  execFileSync("cc", [...words, "-ldl", "-lpthread"], { stdio: ["ignore", "ignore", "pipe"] });
  return library;
}

export class Surroundings {
  /** Writes below it that nothing has made durable (power-loss.ts). */
  readonly journal: string;
  readonly #library: string;
  readonly #root: string;
  readonly #control: string;

  /** `folder` exists and is not below `root`, where what the process writes is watched. */
  constructor(options: {
    readonly library: string;
    readonly folder: string;
    readonly root: string;
  }) {
    this.#library = options.library;
    this.#root = options.root;
    this.#control = join(options.folder, "surroundings.page");
    this.journal = join(options.folder, "surroundings.journal");
    writeFileSync(this.#control, new Uint8Array(PAGE_BYTES));
    writeFileSync(this.journal, "");
  }

  /** Words before a program's: `env` sets the library for what it becomes, not for itself. */
  get launchPrefix(): readonly string[] {
    return [
      "env",
      `LD_PRELOAD=${this.#library}`,
      `SURROUNDINGS_CONTROL=${this.#control}`,
      `SURROUNDINGS_JOURNAL=${this.journal}`,
      `SURROUNDINGS_ROOT=${this.#root}`,
    ];
  }

  set(name: Switch, value: number): void {
    const bytes = Buffer.alloc(FIELD_BYTES);
    bytes.writeBigInt64LE(BigInt(Math.round(value)));
    const page = openSync(this.#control, "r+");
    try {
      writeSync(page, bytes, 0, FIELD_BYTES, SWITCHES.indexOf(name) * FIELD_BYTES);
    } finally {
      closeSync(page);
    }
  }

  /** Calls of the disk take as long as they are told to. */
  get isSlow(): boolean {
    const delays: readonly Switch[] = ["syncDelayUs", "writeDelayUs"];
    return delays.some((name) => this.#field(SWITCHES.indexOf(name)) > 0);
  }

  count(name: Counter): number {
    return this.#field(SWITCHES.length + COUNTERS.indexOf(name));
  }

  /** All switches off. What was counted stays. */
  heal(): void {
    for (const name of SWITCHES) this.set(name, 0);
  }

  /** What is on the disk now is durable, or was taken back. */
  clearJournal(): void {
    truncateSync(this.journal, 0);
  }

  #field(place: number): number {
    return Number(readFileSync(this.#control).readBigInt64LE(place * FIELD_BYTES));
  }
}

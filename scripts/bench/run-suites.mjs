// @ts-check
/**
 * Runs the loads: suite by suite on clusters of its own, round by round, the products taking turns
 * within one load. It owns the clusters and the generator's process, and ends them on the way out.
 */
import { Cluster, freePorts } from "./clusters.mjs";
import { Generator } from "./generator.mjs";
import { SUITE_FLAGS } from "./loads/load.mjs";

/**
 * @typedef {object} Result one run
 * @property {import("./clusters.mjs").Kind} kind
 * @property {number} members
 * @property {string} load
 * @property {number} round
 * @property {import("./loads/load.mjs").Measurement} figures
 */

/** @typedef {import("./loads/load.mjs").Load} Load */
/** @typedef {import("./loads/load.mjs").Context} Context */

/** A change of leader spoils a run, which is then made again, this often. */
const ATTEMPTS = 3;

export class Bench {
  /** @type {Result[]} */
  results = [];
  /** What could not be measured, and why. @type {string[]} */
  failures = [];
  #flags;
  #kinds;
  #folder;
  /** @type {Cluster[]} */
  #clusters = [];
  /** @type {Generator | undefined} */
  #generator;
  #isEnding = false;

  /**
   * @param {import("./flags.mjs").Flags} flags
   * @param {readonly import("./clusters.mjs").Kind[]} kinds
   * @param {string} folder
   */
  constructor(flags, kinds, folder) {
    this.#flags = flags;
    this.#kinds = kinds;
    this.#folder = folder;
  }

  /**
   * A product's part of a load that fails is left out, and told in `failures`; all else goes on.
   * @param {readonly Load[]} loads
   */
  async run(loads) {
    for (const members of this.#flags.members) {
      const meant = loads.filter(({ members: sizes }) => sizes?.includes(members) ?? true);
      for (const suite of new Set(meant.map((load) => load.suite))) {
        const ofSuite = meant.filter((load) => load.suite === suite);
        await this.#orFailure(`${suite}, ${members} members`, () => this.#suite(ofSuite, members));
      }
    }
  }

  get isEnding() {
    return this.#isEnding;
  }

  /** Ends every process of this benchmark. */
  async end() {
    this.#isEnding = true;
    await Promise.all([
      this.#generator?.stop(),
      ...this.#clusters.map((cluster) => cluster.remove()),
    ]);
  }

  /** @param {readonly Load[]} loads of one suite @param {number} members */
  async #suite(loads, members) {
    const suite = loads[0]?.suite ?? "";
    const folder = `${this.#folder}/${suite}-${members}`;
    try {
      for (const kind of this.#kinds) await this.#start(kind, { members, suite, folder });
      for (const load of loads) {
        await this.#orFailure(`${load.name}, ${members} members`, () => this.#load(load, members));
      }
    } finally {
      await Promise.all(this.#clusters.map((cluster) => cluster.remove()));
      this.#clusters = [];
    }
  }

  /** @param {Load} load @param {number} members */
  async #load(load, members) {
    const context = this.#context();
    const warmUp = { ...context, seconds: this.#flags.warmUp, isWarmUp: true };
    await load.calibrate?.(this.#clusters, context);
    // Round 0 is not counted: code is compiled, files and tables get their size. What serves for months
    // is measured as it is after its first seconds.
    const first = load.isCold || load.once ? 1 : 0;
    const last = load.once ? 1 : this.#flags.rounds;
    const able = new Set(this.#clusters);
    for (let round = first; round <= last; round++) {
      // Whoever comes second finds the machine as the first one left it: they take turns.
      const order = round % 2 === 1 ? this.#clusters : this.#clusters.toReversed();
      for (const cluster of order.filter((one) => able.has(one))) {
        const what = `${load.name}, ${members} members of ${cluster.kind}`;
        const isDone = await this.#orFailure(what, async () => {
          const figures = await this.#attempt(load, cluster, round === 0 ? warmUp : context);
          this.#say(round, load, cluster, figures);
          if (round === 0) return;
          this.results.push({ kind: cluster.kind, members, load: load.name, round, figures });
        });
        if (!isDone) able.delete(cluster);
      }
    }
  }

  /** False where it failed. @param {string} what @param {() => Promise<void>} work */
  async #orFailure(what, work) {
    try {
      await work();
      return true;
    } catch (error) {
      if (this.#isEnding) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      this.failures.push(`${what}: ${reason}`);
      say(`left out: ${what}: ${reason}`);
      return false;
    }
  }

  /**
   * @param {import("./clusters.mjs").Kind} kind
   * @param {{ members: number, suite: string, folder: string }} options
   */
  async #start(kind, { members, suite, folder }) {
    const { profile, before } = this.#flags;
    say(`starting ${members === 1 ? "a member" : `${members} members`} of ${kind}`);
    const cluster = new Cluster(kind, {
      folder,
      flags: suite === "stalls" ? SUITE_FLAGS.stalls : SUITE_FLAGS.standard,
      ports: await freePorts(2 * members),
      profile: kind === "sagong" ? profile : undefined,
      ...(kind === "before" && before !== undefined ? { checkout: before } : {}),
    });
    this.#clusters.push(cluster);
    cluster.start();
    await cluster.ready();
  }

  /** @param {Load} load @param {Cluster} cluster @param {Context} context */
  async #attempt(load, cluster, context) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await load.run(cluster, context);
      } catch (error) {
        if (attempt === ATTEMPTS || this.#isEnding) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        say(`${load.name} on ${cluster.kind} again, because ${reason}`);
        // What the load stopped, or what fell, is started again: it has its data.
        cluster.start();
        await cluster.ready();
      }
    }
  }

  /** @returns {Context} */
  #context() {
    const { seconds, valueBytes, keys } = this.#flags;
    return {
      folder: this.#folder,
      seconds,
      valueBytes,
      keys,
      isWarmUp: false,
      generator: () => {
        if (this.#generator === undefined || this.#generator.hasEnded) {
          this.#generator = new Generator();
        }
        return this.#generator;
      },
      say,
    };
  }

  /**
   * @param {number} round
   * @param {Load} load
   * @param {Cluster} cluster
   * @param {import("./loads/load.mjs").Measurement} figures
   */
  #say(round, load, cluster, figures) {
    const texts = load.figures.map(
      ({ key, title, unit }) => `${title}${title && " "}${shortNumber(figures[key])} ${unit}`,
    );
    const cpu = figures["cpuMicros"];
    if (cpu !== undefined) texts.push(`members' CPU ${shortNumber(cpu)} µs each`);
    const size = `${cluster.members.length}×${cluster.kind}`.padEnd(9);
    say(`round ${round}  ${size} ${load.name.padEnd(28)} ${texts.join("  ")}`);
  }
}

/** @param {string} text */
function say(text) {
  console.error(text);
}

/** Three digits that matter. @param {number | undefined} value */
export function shortNumber(value) {
  if (value === undefined || Number.isNaN(value)) return "-";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return value.toPrecision(3);
}

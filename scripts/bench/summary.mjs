// @ts-check
/**
 * The figures of a record: for each size of cluster, load and figure the medians of the rounds, the
 * ratio to etcd, and the goal. What the table, the chart and the JSON file are made of.
 */
import { hasGoals } from "./loads/load.mjs";
import { median, ratioOf } from "./statistics.mjs";

/**
 * @typedef {object} Row
 * @property {number} members
 * @property {string} load
 * @property {string} title
 * @property {string} unit
 * @property {"more" | "less"} better
 * @property {Record<string, number>} values by kind of cluster
 * @property {Record<string, number>} ratios of ours to each other kind: above 1, ours is better
 * @property {number | undefined} goal least ratio to etcd
 * @property {number | undefined} limit of our own value
 * @property {boolean | undefined} isReached goal or limit; undefined where there is none, or no etcd
 * @property {boolean} isFirst of the load's rows
 * @property {Record<string, Record<string, number>>} details by key (`p50Ms`, `cpuMicros`, …), then by
 *   kind of cluster: in the load's first row
 */

/** @typedef {import("./run-suites.mjs").Result} Result */
/** @typedef {import("./loads/load.mjs").Load} Load */

/**
 * @param {readonly Result[]} results
 * @param {readonly Load[]} loads
 * @returns {Row[]}
 */
export function summarize(results, loads) {
  const sizes = [...new Set(results.map(({ members }) => members))];
  return sizes.flatMap((members) =>
    loads.flatMap((load) => {
      const runs = results.filter((run) => run.members === members && run.load === load.name);
      return runs.length === 0 ? [] : load.figures.map((_, i) => rowOf(runs, load, i, members));
    }),
  );
}

/**
 * @param {readonly Result[]} runs of one load
 * @param {Load} load
 * @param {number} index of the figure
 * @param {number} members
 * @returns {Row}
 */
function rowOf(runs, load, index, members) {
  const figure = /** @type {import("./loads/load.mjs").Figure} */ (load.figures[index]);
  const kinds = [...new Set(runs.map(({ kind }) => kind))];
  const others = kinds.filter((kind) => kind !== "sagong" && kinds.includes("sagong"));
  /** @type {Record<string, number>} */
  const ratios = {};
  for (const other of others) ratios[other] = ratioTo(other, runs, figure);
  const { goal, limit } = hasGoals(load, members) ? figure : {};
  const values = byKind(kinds, runs, figure.key);
  return {
    members,
    load: load.name,
    title: figure.title ? `${load.title}: ${figure.title}` : load.title,
    unit: figure.unit,
    better: figure.better,
    values,
    ratios,
    goal,
    limit,
    isReached: isReached(values["sagong"], limit, ratios["etcd"], goal),
    isFirst: index === 0,
    details: index === 0 ? detailsOf(kinds, runs) : {},
  };
}

/**
 * @param {number | undefined} value
 * @param {number | undefined} limit
 * @param {number | undefined} ratio
 * @param {number | undefined} goal
 */
function isReached(value, limit, ratio, goal) {
  if (limit !== undefined && value !== undefined) return value <= limit;
  return goal === undefined || ratio === undefined ? undefined : ratio >= goal;
}

/**
 * The median of the rounds' ratios: what else the machine does changes from round to round.
 * @param {string} other
 * @param {readonly Result[]} runs
 * @param {import("./loads/load.mjs").Figure} figure
 */
function ratioTo(other, runs, { key, better }) {
  const of = (/** @type {string} */ kind, /** @type {number} */ round) =>
    runs.find((run) => run.kind === kind && run.round === round)?.figures[key] ?? Number.NaN;
  const rounds = [...new Set(runs.map(({ round }) => round))];
  return median(rounds.map((round) => ratioOf(of("sagong", round), of(other, round), better)));
}

/** @param {readonly string[]} kinds @param {readonly Result[]} runs */
function detailsOf(kinds, runs) {
  const keys = new Set(runs.flatMap(({ figures }) => Object.keys(figures)));
  return Object.fromEntries([...keys].map((key) => [key, byKind(kinds, runs, key)]));
}

/** @param {readonly string[]} kinds @param {readonly Result[]} runs @param {string} key */
function byKind(kinds, runs, key) {
  /** @type {Record<string, number>} */
  const values = {};
  for (const kind of kinds) {
    const ofKind = runs.filter((run) => run.kind === kind);
    values[kind] = median(ofKind.map(({ figures }) => figures[key] ?? Number.NaN));
  }
  return values;
}

/**
 * How far our generator's rates are from h2load's under the same load.
 * @param {readonly Result[]} results
 * @returns {{ load: string, members: number, kind: string, ratio: number }[]}
 */
export function compareGenerators(results) {
  const runs = results.filter(({ figures }) => figures["agreement"] !== undefined);
  const keys = new Set(
    runs.map(({ load, members, kind }) => JSON.stringify([load, members, kind])),
  );
  return [...keys].map((key) => {
    const [load, members, kind] = JSON.parse(key);
    const same = runs.filter(
      (run) => run.load === load && run.members === members && run.kind === kind,
    );
    const ratio = median(same.map(({ figures }) => figures["agreement"] ?? Number.NaN));
    return { load: load.replace(/^generator /, ""), members, kind, ratio };
  });
}

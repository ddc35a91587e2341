// @ts-check
/** Where things lie on the canvas, and what moments its places stand for. In CSS pixels. */
import { lanes } from "./elements.js";
import { run, view } from "./run.js";
/** @typedef {import("../timeline.js").Arrow} Arrow */
/** @typedef {import("../../trace/trace.js").TraceEvent} TraceEvent */

export const GUTTER_PX = 132;
export const AXIS_PX = 26;
export const MAP_PX = 34;
export const ROW_PX = { faults: 19, member: 30, client: 15 };
const LANE_GAP_PX = 14;

/** Top of each lane, and behind the last the height of all. */
export const tops = run.lanes.reduce(
  (sums, lane) => [...sums, (sums.at(-1) ?? 0) + lane.rows * ROW_PX[lane.kind] + LANE_GAP_PX],
  [AXIS_PX],
);
export const heightPx = tops.at(-1) ?? AXIS_PX;
/** @type {Map<string, number>} */
const laneOf = new Map(run.lanes.map((lane, i) => [i === 0 ? "" : lane.name, i]));

/** @param {number} atMs */
export const xOf = (atMs) =>
  GUTTER_PX + ((atMs - view.fromMs) / (view.toMs - view.fromMs)) * (lanes.clientWidth - GUTTER_PX);
/** @param {number} x */
export const msOf = (x) =>
  view.fromMs +
  ((x - GUTTER_PX) / Math.max(1, lanes.clientWidth - GUTTER_PX)) * (view.toMs - view.fromMs);
/** @param {number} lane @param {number} row */
export const yOf = (lane, row) =>
  (tops[lane] ?? 0) + LANE_GAP_PX / 2 + row * ROW_PX[run.lanes[lane]?.kind ?? "client"];
/** @param {number} lane */
export const middleOf = (lane) => ((tops[lane] ?? 0) + (tops[lane + 1] ?? 0)) / 2;

/** A lost message ends half way. @param {Arrow} arrow */
export function lineOf(arrow) {
  const [y, endY] = [middleOf(arrow.from), middleOf(arrow.to)];
  const [x, endX] = [xOf(arrow.fromMs), xOf(arrow.toMs)];
  return { x, y, toX: endX, toY: arrow.isLost ? (y + endY) / 2 : endY };
}

/** @param {TraceEvent} mark */
export function placeOf(mark) {
  const lane = laneOf.get(mark.who ?? "") ?? 0;
  const size = mark.kind === "violation" ? 8 : 5;
  // On a lane's upper edge, so that it hides neither label nor arrow.
  return { y: mark.kind === "violation" ? AXIS_PX : (tops[lane] ?? 0) + 5, size };
}

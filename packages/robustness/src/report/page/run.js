// @ts-check
/**
 * The run that stands in the page as JSON (see ../timeline.ts), what of it is looked at, and which of
 * its shapes are in view.
 */

/** @typedef {import("../timeline.js").Timeline} Timeline */

/** @type {Timeline} */
export const run = JSON.parse(document.getElementById("run")?.textContent ?? "");
export const endMs = Math.max(run.durationMs, 1);
export const view = { fromMs: 0, toMs: endMs };
/** @type {Record<string, boolean>} */
export const shown = {
  message: true,
  client: true,
  fault: true,
  process: true,
  raft: true,
  disk: true,
};
export const filter = { text: "" };

export const violationTimes = [
  ...run.violations.flatMap(({ atMs }) => (atMs === undefined ? [] : [atMs])),
  ...run.events.filter(({ kind }) => kind === "violation").map(({ atMs }) => atMs),
];

/** @param {number} ms */
export function seconds(ms) {
  const spanMs = view.toMs - view.fromMs;
  return `${(ms / 1000).toFixed(spanMs < 10 ? 6 : 3)} s`;
}

/** @param {string} text */
export const matches = (text) => filter.text === "" || text.toLowerCase().includes(filter.text);

export const spansInView = () =>
  run.spans.filter(
    (span) =>
      span.toMs >= view.fromMs &&
      span.fromMs <= view.toMs &&
      shown[span.kind] !== false &&
      (span.kind === "raft" || matches(span.text)),
  );

export const arrowsInView = () =>
  shown["message"] === false
    ? []
    : run.arrows.filter(
        (arrow) => arrow.toMs >= view.fromMs && arrow.fromMs <= view.toMs && matches(arrow.text),
      );

/** Events that are no end of a span: they are marks. */
const marks = run.events.filter(
  ({ kind, phase, role }) =>
    kind === "violation" ||
    kind === "disk" ||
    kind === "process" ||
    (kind === "fault" && phase === undefined) ||
    (kind === "client" && phase === undefined) ||
    (kind === "raft" && role === undefined),
);

export const marksInView = () =>
  marks.filter(
    ({ atMs, kind, text }) =>
      atMs >= view.fromMs && atMs <= view.toMs && shown[kind] !== false && matches(text),
  );

// @ts-check
/** The canvas of lanes and the map of the whole run. */
import { lanes, map, note } from "./elements.js";
import { fillList } from "./event-list.js";
import {
  AXIS_PX,
  GUTTER_PX,
  heightPx,
  lineOf,
  MAP_PX,
  middleOf,
  placeOf,
  ROW_PX,
  tops,
  xOf,
  yOf,
} from "./geometry.js";
import { color, cross, head, look, stripe, surface, termColor, writeIn } from "./paint.js";
import {
  arrowsInView,
  endMs,
  marksInView,
  run,
  seconds,
  spansInView,
  view,
  violationTimes,
} from "./run.js";
/** @typedef {import("../timeline.js").Span} Span */
/** @typedef {import("../../trace/trace.js").TraceEvent} TraceEvent */

/** More arrows in view are a grey field: they are drawn from here down. */
export const ARROWS_IN_VIEW_MAX = 1_500;

/** A page that nobody sees, or that a busy machine does not show, has no frames. */
const UNSEEN_MS = 50;

let isAsked = false;
export function redraw() {
  if (isAsked) return;
  isAsked = true;
  const now = () => {
    if (!isAsked) return;
    isAsked = false;
    draw();
  };
  requestAnimationFrame(now);
  setTimeout(now, UNSEEN_MS);
}

function draw() {
  const context = surface(lanes, heightPx);
  drawAxis(context);
  const spans = spansInView();
  context.save();
  context.beginPath();
  context.rect(GUTTER_PX, 0, lanes.clientWidth - GUTTER_PX, heightPx);
  context.clip();
  for (const span of spans) if (span.kind === "fault") drawBand(context, span);
  const labels = spans.map((span) => drawSpan(context, span));
  drawArrows(context);
  for (const label of labels) label?.();
  context.fillStyle = color("violation");
  for (const atMs of violationTimes) context.fillRect(xOf(atMs) - 1, AXIS_PX, 2, heightPx);
  for (const mark of marksInView()) drawMark(context, mark);
  context.restore();
  drawNames(context);
  drawMap();
  fillList();
}

/** @param {CanvasRenderingContext2D} context */
function drawAxis(context) {
  const width = lanes.clientWidth - GUTTER_PX;
  const roughMs = ((view.toMs - view.fromMs) / Math.max(1, width)) * 110;
  const power = 10 ** Math.floor(Math.log10(roughMs));
  const stepMs = [1, 2, 5, 10].map((n) => n * power).find((ms) => ms >= roughMs) ?? power * 10;
  const digits = Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(stepMs) + 1e-9)));
  context.strokeStyle = color("line");
  context.fillStyle = color("dim");
  for (let n = Math.ceil(view.fromMs / stepMs); n * stepMs <= view.toMs; n++) {
    const x = xOf(n * stepMs);
    context.beginPath();
    context.moveTo(x, AXIS_PX - 6);
    context.lineTo(x, heightPx);
    context.stroke();
    context.fillText(`${((n * stepMs) / 1000).toFixed(digits)} s`, x + 3, AXIS_PX / 2);
  }
}

/** A fault lies behind all lanes. @param {CanvasRenderingContext2D} context @param {Span} span */
function drawBand(context, span) {
  context.fillStyle = color("fault-band");
  const x = xOf(span.fromMs);
  context.fillRect(x, AXIS_PX, Math.max(1, xOf(span.toMs) - x), heightPx);
}

/**
 * Gives what writes its label, over the arrows.
 * @param {CanvasRenderingContext2D} context
 * @param {Span} span
 */
function drawSpan(context, span) {
  const lane = run.lanes[span.lane];
  if (lane === undefined) return undefined;
  const x = Math.max(xOf(span.fromMs), GUTTER_PX - 4);
  const width = Math.max(1.5, Math.min(xOf(span.toMs), lanes.clientWidth + 4) - x);
  const y = yOf(span.lane, span.row);
  const height = ROW_PX[lane.kind] - 3;
  const { fill, ink } = look(span);
  context.fillStyle = fill;
  context.fillRect(x, y, width, height);
  if (span.style === "candidate" || span.style === "pre-candidate") {
    stripe(context, { x, y, width, height, stroke: termColor(span.term ?? 0, 50, 0.8) });
  }
  if (span.kind === "raft") {
    context.fillStyle = color("back");
    context.fillRect(x + width - 1, y, 1, height);
  }
  return () => writeIn(context, span.label, { x, y: y + height / 2 + 0.5, width, ink });
}

/** @param {CanvasRenderingContext2D} context */
function drawArrows(context) {
  const arrows = arrowsInView();
  note.textContent = `${seconds(view.fromMs)} to ${seconds(view.toMs)}, ${arrows.length} messages`;
  if (arrows.length > ARROWS_IN_VIEW_MAX) {
    note.textContent += " (come closer to see them)";
    return;
  }
  const [sent, lost] = [color("message"), color("lost")];
  context.globalAlpha = arrows.length > ARROWS_IN_VIEW_MAX / 10 ? 0.45 : 0.85;
  for (const arrow of arrows) {
    const { x, y, toX, toY } = lineOf(arrow);
    context.strokeStyle = arrow.isLost ? lost : sent;
    context.fillStyle = context.strokeStyle;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(toX, toY);
    context.stroke();
    if (arrow.isLost) cross(context, toX, toY);
    else head(context, { x, y, toX, toY });
  }
  context.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} context @param {TraceEvent} mark */
function drawMark(context, mark) {
  const x = xOf(mark.atMs);
  const { y, size } = placeOf(mark);
  context.fillStyle = color(
    mark.kind === "violation" ? "violation" : mark.kind === "fault" ? "fault" : "accent",
  );
  context.beginPath();
  if (mark.kind === "disk") context.rect(x - 3, y - 3, 6, 6);
  else if (mark.kind === "raft") context.arc(x, y, 3, 0, 2 * Math.PI);
  else {
    context.moveTo(x, y - size);
    context.lineTo(x + size, y);
    context.lineTo(x, y + size);
    context.lineTo(x - size, y);
  }
  context.fill();
}

/** @param {CanvasRenderingContext2D} context */
function drawNames(context) {
  context.fillStyle = color("back");
  context.fillRect(0, 0, GUTTER_PX - 1, heightPx);
  for (const [i, lane] of run.lanes.entries()) {
    context.fillStyle = color("line");
    context.fillRect(0, tops[i] ?? 0, lanes.clientWidth, 1);
    context.fillStyle = color(lane.kind === "member" ? "ink" : "dim");
    context.font = `${lane.kind === "member" ? "bold 13px" : "12px"} system-ui, sans-serif`;
    context.fillText(lane.name, 10, middleOf(i), GUTTER_PX - 18);
  }
}

function drawMap() {
  const context = surface(map, MAP_PX);
  const width = map.clientWidth - GUTTER_PX;
  /** @param {number} ms */
  const at = (ms) => GUTTER_PX + (ms / endMs) * width;
  for (const span of run.spans) {
    const wide = Math.max(1, at(span.toMs) - at(span.fromMs));
    if (span.kind === "fault") {
      context.fillStyle = color("fault");
      context.fillRect(at(span.fromMs), 3, wide, 7);
    } else if (span.style === "leader") {
      context.fillStyle = termColor(span.term ?? 0, 36, 1);
      context.fillRect(at(span.fromMs), 13, wide, 14);
    }
  }
  context.fillStyle = color("violation");
  for (const atMs of violationTimes) context.fillRect(at(atMs) - 1, 0, 3, MAP_PX);
  context.strokeStyle = color("accent");
  context.lineWidth = 2;
  const left = at(view.fromMs);
  context.strokeRect(left, 1, Math.max(3, at(view.toMs) - left), MAP_PX - 2);
  context.fillStyle = color("dim");
  context.fillText("whole run", 10, MAP_PX / 2);
}

// @ts-check
/** What lies under the pointer, in words. */
import { ARROWS_IN_VIEW_MAX } from "./drawing.js";
import { tip } from "./elements.js";
import { GUTTER_PX, lineOf, placeOf, ROW_PX, xOf, yOf } from "./geometry.js";
import { arrowsInView, marksInView, run, seconds, spansInView } from "./run.js";

const HIT_PX = 6;

/** @param {PointerEvent} event */
export function hover(event) {
  const texts = textsAt(event.offsetX, event.offsetY);
  tip.hidden = texts.length === 0;
  if (texts.length === 0) return;
  tip.textContent = texts.slice(0, 8).join("\n");
  const right = window.innerWidth - tip.offsetWidth - 8;
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, right))}px`;
  const below = event.clientY + 16;
  const fits = below + tip.offsetHeight < window.innerHeight;
  tip.style.top = `${fits ? below : Math.max(4, event.clientY - tip.offsetHeight - 10)}px`;
}

/** @param {number} x @param {number} y @returns {string[]} */
function textsAt(x, y) {
  if (x < GUTTER_PX) return [];
  const found = marksInView()
    .filter((mark) => Math.hypot(xOf(mark.atMs) - x, placeOf(mark).y - y) < HIT_PX + 3)
    .map((mark) => `${seconds(mark.atMs)} ${mark.who ?? ""} ${mark.text}`);
  const arrows = arrowsInView();
  if (arrows.length <= ARROWS_IN_VIEW_MAX) {
    for (const arrow of arrows) {
      if (distance(lineOf(arrow), { x, y }) > HIT_PX) continue;
      const end = arrow.isLost ? "lost" : `arrives ${seconds(arrow.toMs)}`;
      found.push(`${seconds(arrow.fromMs)} ${arrow.text} (${end})`);
    }
  }
  for (const span of spansInView()) {
    const top = yOf(span.lane, span.row);
    const height = ROW_PX[run.lanes[span.lane]?.kind ?? "client"];
    if (y < top || y > top + height) continue;
    if (x < xOf(span.fromMs) - 2 || x > xOf(span.toMs) + 2) continue;
    found.push(`${seconds(span.fromMs)} to ${seconds(span.toMs)} ${span.text}`);
  }
  return found;
}

/**
 * Of a point from a line, in pixels.
 * @param {{ x: number, y: number, toX: number, toY: number }} line
 * @param {{ x: number, y: number }} point
 */
function distance(line, point) {
  const [dx, dy] = [line.toX - line.x, line.toY - line.y];
  const length = dx * dx + dy * dy || 1;
  const along = ((point.x - line.x) * dx + (point.y - line.y) * dy) / length;
  const share = Math.min(1, Math.max(0, along));
  return Math.hypot(line.x + share * dx - point.x, line.y + share * dy - point.y);
}

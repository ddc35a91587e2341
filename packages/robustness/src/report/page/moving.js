// @ts-check
/** Zoom and pan: by wheel, pointer and keys. */
import { redraw } from "./drawing.js";
import { lanes, tip } from "./elements.js";
import { GUTTER_PX, msOf } from "./geometry.js";
import { hover } from "./hover.js";
import { endMs, view } from "./run.js";

const VIEW_MS_MIN = 0.02;
/** Before and after a violation, when the page is opened or a violation is chosen. */
const AROUND_MS = [3_000, 1_000];

/** @param {number} fromMs @param {number} toMs */
export function show(fromMs, toMs) {
  const spanMs = Math.min(endMs, Math.max(VIEW_MS_MIN, toMs - fromMs));
  view.fromMs = Math.min(Math.max(0, fromMs), endMs - spanMs);
  view.toMs = view.fromMs + spanMs;
  tip.hidden = true;
  redraw();
}

/** @param {number} factor @param {number} aroundMs */
export const zoom = (factor, aroundMs) =>
  show(aroundMs - (aroundMs - view.fromMs) * factor, aroundMs + (view.toMs - aroundMs) * factor);

/** @param {number} share */
const move = (share) => {
  const byMs = (view.toMs - view.fromMs) * share;
  show(view.fromMs + byMs, view.toMs + byMs);
};

/** @param {number} atMs */
export const goTo = (atMs) => show(atMs - (AROUND_MS[0] ?? 0), atMs + (AROUND_MS[1] ?? 0));

/** @param {WheelEvent} event */
export function onWheel(event) {
  if (event.shiftKey) return;
  event.preventDefault();
  if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) move(event.deltaX / 1_000);
  else zoom(Math.exp(event.deltaY / 400), msOf(Math.max(GUTTER_PX, event.offsetX)));
}

/** @type {{ x: number, y: number } | undefined} */
let dragged;

/** @param {PointerEvent} event */
export function onMove(event) {
  if (dragged === undefined) return hover(event);
  const byMs = msOf(dragged.x) - msOf(event.clientX);
  window.scrollBy(0, dragged.y - event.clientY);
  dragged = { x: event.clientX, y: event.clientY };
  show(view.fromMs + byMs, view.toMs + byMs);
}

/** @param {PointerEvent} event */
export function grab(event) {
  dragged = { x: event.clientX, y: event.clientY };
  lanes.setPointerCapture(event.pointerId);
  lanes.classList.add("dragging");
  tip.hidden = true;
}

export function release() {
  dragged = undefined;
  lanes.classList.remove("dragging");
}

/** @param {KeyboardEvent} event */
export function onKey(event) {
  const middleMs = (view.fromMs + view.toMs) / 2;
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowLeft: () => move(-0.2),
    ArrowRight: () => move(0.2),
    "+": () => zoom(0.5, middleMs),
    "=": () => zoom(0.5, middleMs),
    "-": () => zoom(2, middleMs),
    0: () => show(0, endMs),
  };
  const act = keys[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act();
}

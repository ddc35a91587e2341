// @ts-check
/** Colours and shapes: nothing here knows of runs, but for the looks of a span. */
import { GUTTER_PX } from "./geometry.js";
/** @typedef {import("../timeline.js").Span} Span */

const GOLDEN_ANGLE = 137.508;

/** @param {string} name */
export const color = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);

/** @param {HTMLCanvasElement} canvas @param {number} height */
export function surface(canvas, height) {
  const scale = window.devicePixelRatio || 1;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(canvas.clientWidth * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("Cannot draw the run: no canvas in this browser");
  context.scale(scale, scale);
  context.clearRect(0, 0, canvas.clientWidth, height);
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  return context;
}

/** @param {number} term @param {number} lightness @param {number} alpha */
export const termColor = (term, lightness, alpha) =>
  `hsl(${(term * GOLDEN_ANGLE) % 360} 62% ${lightness}% / ${alpha})`;

/** @param {Span} span */
export function look(span) {
  const term = span.term ?? 0;
  if (span.style === "leader") return { fill: termColor(term, 36, 1), ink: "#fff" };
  if (span.style === "follower") return { fill: termColor(term, 50, 0.22), ink: color("ink") };
  if (span.kind === "raft" && span.style !== "down") {
    return { fill: termColor(term, 50, 0.12), ink: color("ink") };
  }
  if (span.style === "down") return { fill: color("down"), ink: color("back") };
  const ink = color("back");
  return { fill: color(span.style), ink };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{ x: number, y: number, width: number, height: number, stroke: string }} box
 */
export function stripe(context, { x, y, width, height, stroke }) {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = stroke;
  context.lineWidth = 2;
  for (let at = x - height; at < x + width; at += 8) {
    context.beginPath();
    context.moveTo(at, y + height);
    context.lineTo(at + height, y);
    context.stroke();
  }
  context.restore();
}

/**
 * Text where it fits, cut where it does not, none where nothing could be read.
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {{ x: number, y: number, width: number, ink: string }} place
 */
export function writeIn(context, text, { x, y, width, ink }) {
  const left = Math.max(x, GUTTER_PX) + 4;
  const room = x + width - left - 3;
  if (room < 14) return;
  let fitting = text.slice(0, Math.ceil(room / 2));
  if (context.measureText(fitting).width > room) {
    while (fitting.length > 1 && context.measureText(`${fitting}…`).width > room) {
      fitting = fitting.slice(0, Math.max(1, Math.floor(fitting.length * 0.9)));
    }
    fitting += "…";
  }
  context.fillStyle = ink;
  context.fillText(fitting, left, y, room);
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y */
export function cross(context, x, y) {
  context.beginPath();
  context.moveTo(x - 4, y - 4);
  context.lineTo(x + 4, y + 4);
  context.moveTo(x + 4, y - 4);
  context.lineTo(x - 4, y + 4);
  context.lineWidth = 2;
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{ x: number, y: number, toX: number, toY: number }} line
 */
export function head(context, { x, y, toX, toY }) {
  const angle = Math.atan2(toY - y, toX - x);
  context.beginPath();
  context.moveTo(toX, toY);
  for (const side of [-0.4, 0.4]) {
    context.lineTo(toX - 7 * Math.cos(angle + side), toY - 7 * Math.sin(angle + side));
  }
  context.fill();
}

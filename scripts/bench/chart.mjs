// @ts-check
/**
 * The ratios as a picture: an SVG without scripts, fonts or styles of its own, on no background, in
 * tones that read on a white page and on a dark one (an image cannot know which it is on).
 *
 * The scale is logarithmic, so that twice as fast and half as fast are equally far from even.
 */

/** @typedef {import("./summary.mjs").Row} Row */

const WIDTH = 880;
const LABEL_WIDTH = 390;
const VALUE_WIDTH = 84;
const ROW_HEIGHT = 24;
const BAR_HEIGHT = 14;
const HEAD_HEIGHT = 64;
const GROUP_HEIGHT = 40;
const FOOT_HEIGHT = 34;
/** At least from half to eight times, in powers of two. */
const DOUBLINGS = { least: -1, most: 3 };
/** Contrast of 4 to 1 and more on white and on GitHub's dark page alike. */
const COLOR = {
  text: "#7d8590",
  better: "#2f81f7",
  worse: "#d1702a",
  goal: "#8250df",
};
const FONT = "font-family=\"system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif\"";

/**
 * @param {readonly Row[]} rows
 * @param {import("./machine.mjs").Machine} machine
 */
export function chartSvg(rows, machine) {
  // A load's first figure, and what the issue asks for; the report has them all.
  const shown = rows.filter(
    ({ ratios, isFirst, goal }) =>
      (ratios["etcd"] ?? Number.NaN) > 0 && (isFirst || goal !== undefined),
  );
  const sizes = [...new Set(shown.map(({ members }) => members))].toSorted((a, b) => b - a);
  const scale = scaleOf(shown.map(({ ratios }) => ratios["etcd"] ?? 1));
  const height =
    HEAD_HEIGHT + sizes.length * GROUP_HEIGHT + shown.length * ROW_HEIGHT + FOOT_HEIGHT;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" ${FONT} font-size="13">`,
    `<title>${escape("Sagong's store beside etcd: ratios")}</title>`,
    label(
      0,
      18,
      "Sagong's store beside etcd on the same machine",
      'font-size="16" font-weight="600"',
    ),
    label(0, 38, "How many times as good: right of 1× ours is better. Medians, fsync on in both."),
  ];
  let y = HEAD_HEIGHT;
  for (const members of sizes) {
    const group = shown.filter((row) => row.members === members);
    const end = y + GROUP_HEIGHT + group.length * ROW_HEIGHT;
    const title = members === 1 ? "One member" : `${members} members`;
    parts.push(label(0, y + 26, title, 'font-weight="600"'));
    parts.push(...grid(scale, y + 26, end));
    y += GROUP_HEIGHT;
    for (const row of group) {
      parts.push(...bar(row, scale, y));
      y += ROW_HEIGHT;
    }
  }
  parts.push(label(0, y + 24, footOf(machine), 'font-size="11"'));
  return `${parts.join("\n")}\n</svg>\n`;
}

/** @typedef {{ least: number, most: number, at: (ratio: number) => number }} Scale */

/** @param {readonly number[]} ratios @returns {Scale} */
function scaleOf(ratios) {
  const doublings = ratios.map((ratio) => Math.log2(ratio));
  const least = Math.floor(Math.min(DOUBLINGS.least, ...doublings));
  const most = Math.ceil(Math.max(DOUBLINGS.most, ...doublings));
  const width = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const at = (/** @type {number} */ ratio) =>
    LABEL_WIDTH + ((Math.log2(ratio) - least) / (most - least)) * width;
  return { least, most, at };
}

/** @param {Scale} scale @param {number} top @param {number} bottom */
function grid(scale, top, bottom) {
  const lines = [];
  const step = scale.most - scale.least > 8 ? 2 : 1;
  for (let doubling = scale.least; doubling <= scale.most; doubling++) {
    if (doubling % step !== 0) continue;
    const x = round(scale.at(2 ** doubling));
    const isEven = doubling === 0;
    lines.push(
      `<line x1="${x}" y1="${top + 6}" x2="${x}" y2="${bottom}" stroke="${COLOR.text}" stroke-width="${isEven ? 1.5 : 1}" stroke-opacity="${isEven ? 0.9 : 0.25}"/>`,
      label(x, top, timesText(doubling), 'text-anchor="middle" font-size="11"'),
    );
  }
  return lines;
}

/** @param {number} doubling */
function timesText(doubling) {
  return doubling < 0 ? `1/${2 ** -doubling}×` : `${2 ** doubling}×`;
}

/** @param {Row} row @param {Scale} scale @param {number} y */
function bar({ title, ratios, goal, isReached }, scale, y) {
  const ratio = ratios["etcd"] ?? 1;
  const [even, end] = [scale.at(1), scale.at(ratio)];
  const top = y + (ROW_HEIGHT - BAR_HEIGHT) / 2;
  const x = round(Math.min(even, end));
  const width = round(Math.max(1, Math.abs(end - even)));
  const text = `${ratioText(ratio)}${isReached === undefined ? "" : isReached ? " ✓" : " ✗"}`;
  const parts = [
    label(LABEL_WIDTH - 14, y + 16, title, 'text-anchor="end"'),
    `<rect x="${x}" y="${top}" width="${width}" height="${BAR_HEIGHT}" rx="2" fill="${ratio >= 1 ? COLOR.better : COLOR.worse}"/>`,
    label(WIDTH - VALUE_WIDTH + 16, y + 16, text, 'font-weight="600"'),
  ];
  if (goal !== undefined && goal !== 1) {
    const at = round(scale.at(goal));
    parts.push(
      `<line x1="${at}" y1="${top - 3}" x2="${at}" y2="${top + BAR_HEIGHT + 3}" stroke="${COLOR.goal}" stroke-width="2"><title>goal: ${goal}×</title></line>`,
    );
  }
  return parts;
}

/** @param {number} ratio */
export function ratioText(ratio) {
  return `${ratio >= 9.95 ? ratio.toFixed(0) : ratio.toPrecision(2)}×`;
}

/** @param {import("./machine.mjs").Machine} machine */
function footOf({ cores, cpu, node, etcd, date }) {
  return `${date} · ${cores} cores (${cpu}) · Node ${node} · etcd ${etcd} · the violet mark is the goal · npm run bench:store`;
}

/** @type {(x: number, y: number, text: string, attributes?: string) => string} */
function label(x, y, text, attributes = "") {
  return `<text x="${x}" y="${y}" fill="${COLOR.text}" ${attributes}>${escape(text)}</text>`;
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10;
}

/** @param {string} text */
function escape(text) {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

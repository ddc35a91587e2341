// @ts-check
/**
 * The page of a run: builds it, listens to who looks at it. Text of the run goes into `textContent`
 * and onto the canvas only.
 */
import { redraw } from "./drawing.js";
import { lanes, list, listNote, make, map, note, tip } from "./elements.js";
import { GUTTER_PX } from "./geometry.js";
import { goTo, grab, onKey, onMove, onWheel, release, show, zoom } from "./moving.js";
import { endMs, filter, run, seconds, shown, view, violationTimes } from "./run.js";

function build() {
  const violations = run.violations.map((violation) => {
    const at = violation.atMs === undefined ? "" : ` at ${seconds(violation.atMs)}`;
    const box = make("div", { className: "violation" }, [
      make("b", { textContent: `violated: ${violation.guarantee}${at}` }),
    ]);
    if (violation.atMs !== undefined) {
      const go = make("button", { textContent: "go there", type: "button" });
      go.addEventListener("click", () => goTo(violation.atMs ?? 0));
      box.append(" ", go);
    }
    box.append(make("pre", { textContent: violation.text }));
    return box;
  });
  const facts = run.facts.map(([name, value]) =>
    make("div", {}, [make("dt", { textContent: name }), make("dd", { textContent: value })]),
  );
  const left = [
    run.leftOut.messages > 0 ? `${run.leftOut.messages} messages` : "",
    run.leftOut.events > 0 ? `${run.leftOut.events} events` : "",
  ].filter((text) => text !== "");
  document.body.append(
    make("header", {}, [
      make("h1", { textContent: run.title }),
      make("dl", {}, facts),
      ...violations,
      ...(left.length === 0
        ? []
        : [make("p", { textContent: `Left out, far from the violation: ${left.join(", ")}.` })]),
    ]),
    controls(),
    map,
    lanes,
    legend(),
    ...schedule(),
    make("section", {}, [
      listNote,
      make("div", { className: "scroll" }, [
        make("table", {}, [
          make("thead", {}, [
            make(
              "tr",
              {},
              ["time", "kind", "who", "what"].map((text) => make("th", { textContent: text })),
            ),
          ]),
          list,
        ]),
      ]),
    ]),
    tip,
  );
}

function controls() {
  const boxes = Object.keys(shown).map((kind) => {
    const box = make("input", { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      shown[kind] = box.checked;
      redraw();
    });
    return make("label", {}, [box, kind]);
  });
  const find = make("input", { type: "search", placeholder: "only with this text" });
  find.addEventListener("input", () => {
    filter.text = find.value.toLowerCase();
    redraw();
  });
  const whole = make("button", { textContent: "whole run", type: "button" });
  whole.addEventListener("click", () => show(0, endMs));
  const closer = make("button", { textContent: "+", type: "button", title: "closer" });
  closer.addEventListener("click", () => zoom(0.5, (view.fromMs + view.toMs) / 2));
  const away = make("button", { textContent: "−", type: "button", title: "further away" });
  away.addEventListener("click", () => zoom(2, (view.fromMs + view.toMs) / 2));
  return make("div", { className: "bar" }, [whole, closer, away, ...boxes, find, note]);
}

function legend() {
  /** @type {[string, string][]} */
  const entries = [
    ["--fault", "fault"],
    ["--answered", "answered"],
    ["--refused", "refused"],
    ["--unknown", "no answer"],
    ["--watch", "watch"],
    ["--lease", "lease"],
    ["--down", "down"],
    ["--lost", "lost message, violation"],
  ];
  const parts = entries.map(([color, text]) => {
    const patch = make("i");
    patch.style.background = `var(${color})`;
    return make("span", {}, [patch, text]);
  });
  return make("div", { className: "legend" }, [
    make("span", {
      textContent:
        "A term has its colour: full for the leader, striped for candidates, faint for followers. Wheel: zoom; drag or arrow keys: move; 0: whole run.",
    }),
    ...parts,
  ]);
}

function schedule() {
  if (run.schedule.length === 0) return [];
  return [
    make("section", {}, [
      make("h2", { textContent: "Schedule of faults" }),
      make(
        "ol",
        {},
        run.schedule.map((line) => make("li", { textContent: line })),
      ),
    ]),
  ];
}

build();
lanes.addEventListener("wheel", onWheel, { passive: false });
lanes.addEventListener("pointerdown", grab);
lanes.addEventListener("pointerup", release);
lanes.addEventListener("pointermove", onMove);
lanes.addEventListener("pointerleave", () => {
  tip.hidden = true;
});
lanes.addEventListener("keydown", onKey);
map.addEventListener("click", (event) => {
  const atMs = ((event.offsetX - GUTTER_PX) / (map.clientWidth - GUTTER_PX)) * endMs;
  const halfMs = (view.toMs - view.fromMs) / 2;
  show(atMs - halfMs, atMs + halfMs);
});
window.addEventListener("resize", redraw);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
const first = violationTimes[0];
if (first === undefined) redraw();
else goTo(first);

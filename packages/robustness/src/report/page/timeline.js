// @ts-check
/**
 * The page of a run: draws the shapes that stand in it as JSON (see ../timeline.ts) on a canvas, with
 * zoom, pan, hover texts and filters, and lists the events in view below. A classic script, for the
 * page holds it inline. Text of the run goes into `textContent` and onto the canvas only.
 */
{
  /** @typedef {import("../timeline.js").Timeline} Timeline */
  /** @typedef {import("../timeline.js").Span} Span */
  /** @typedef {import("../timeline.js").Arrow} Arrow */
  /** @typedef {import("../../trace/trace.js").TraceEvent} TraceEvent */

  const GUTTER_PX = 132;
  const AXIS_PX = 26;
  const MAP_PX = 34;
  const ROW_PX = { faults: 19, member: 30, client: 15 };
  const LANE_GAP_PX = 14;
  /** More arrows in view are a grey field: they are drawn from here down. */
  const ARROWS_IN_VIEW_MAX = 1_500;
  const ROWS_LISTED_MAX = 400;
  const VIEW_MS_MIN = 0.02;
  const HIT_PX = 6;
  /** Before and after a violation, when the page is opened or a violation is chosen. */
  const AROUND_MS = [3_000, 1_000];
  const GOLDEN_ANGLE = 137.508;

  /** @type {Timeline} */
  const run = JSON.parse(document.getElementById("run")?.textContent ?? "");
  const endMs = Math.max(run.durationMs, 1);
  const view = { fromMs: 0, toMs: endMs };
  /** @type {Record<string, boolean>} */
  const shown = { message: true, client: true, fault: true, process: true, raft: true, disk: true };
  let search = "";

  // ---- The page's parts

  /**
   * @template {keyof HTMLElementTagNameMap} K
   * @param {K} tag
   * @param {Partial<HTMLElementTagNameMap[K]>} properties
   * @param {readonly (Node | string)[]} children
   * @returns {HTMLElementTagNameMap[K]}
   */
  function make(tag, properties = {}, children = []) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  const map = make("canvas", { id: "map", title: "The whole run; click to go there" });
  const lanes = make("canvas", { id: "lanes", tabIndex: 0 });
  lanes.setAttribute("role", "img");
  lanes.setAttribute("aria-label", "Timeline of the run; its events are listed below");
  const tip = make("div", { id: "tip", hidden: true });
  const note = make("span", { id: "note" });
  const list = make("tbody");
  const listNote = make("h2");

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
      search = find.value.toLowerCase();
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

  // ---- Where things lie

  /** Top of each lane, and behind the last the height of all. */
  const tops = run.lanes.reduce(
    (sums, lane) => [...sums, (sums.at(-1) ?? 0) + lane.rows * ROW_PX[lane.kind] + LANE_GAP_PX],
    [AXIS_PX],
  );
  const heightPx = tops.at(-1) ?? AXIS_PX;
  /** @type {Map<string, number>} */
  const laneOf = new Map(run.lanes.map((lane, i) => [i === 0 ? "" : lane.name, i]));

  /** @param {number} atMs */
  const xOf = (atMs) =>
    GUTTER_PX +
    ((atMs - view.fromMs) / (view.toMs - view.fromMs)) * (lanes.clientWidth - GUTTER_PX);
  /** @param {number} x */
  const msOf = (x) =>
    view.fromMs +
    ((x - GUTTER_PX) / Math.max(1, lanes.clientWidth - GUTTER_PX)) * (view.toMs - view.fromMs);
  /** @param {number} lane @param {number} row */
  const yOf = (lane, row) =>
    (tops[lane] ?? 0) + LANE_GAP_PX / 2 + row * ROW_PX[run.lanes[lane]?.kind ?? "client"];
  /** @param {number} lane */
  const middleOf = (lane) => ((tops[lane] ?? 0) + (tops[lane + 1] ?? 0)) / 2;

  /** @param {number} ms */
  function seconds(ms) {
    const spanMs = view.toMs - view.fromMs;
    return `${(ms / 1000).toFixed(spanMs < 10 ? 6 : 3)} s`;
  }

  /** @param {string} text */
  const matches = (text) => search === "" || text.toLowerCase().includes(search);

  const spansInView = () =>
    run.spans.filter(
      (span) =>
        span.toMs >= view.fromMs &&
        span.fromMs <= view.toMs &&
        shown[span.kind] !== false &&
        (span.kind === "raft" || matches(span.text)),
    );

  const arrowsInView = () =>
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

  const marksInView = () =>
    marks.filter(
      ({ atMs, kind, text }) =>
        atMs >= view.fromMs && atMs <= view.toMs && shown[kind] !== false && matches(text),
    );

  // ---- Drawing

  /** @param {string} name */
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);

  /** @param {HTMLCanvasElement} canvas @param {number} height */
  function surface(canvas, height) {
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

  let isAsked = false;
  function redraw() {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      draw();
    });
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

  /** @param {number} term @param {number} lightness @param {number} alpha */
  const termColor = (term, lightness, alpha) =>
    `hsl(${(term * GOLDEN_ANGLE) % 360} 62% ${lightness}% / ${alpha})`;

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

  /** @param {Span} span */
  function look(span) {
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
  function stripe(context, { x, y, width, height, stroke }) {
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
  function writeIn(context, text, { x, y, width, ink }) {
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

  /** A lost message ends half way. @param {Arrow} arrow */
  function lineOf(arrow) {
    const [y, endY] = [middleOf(arrow.from), middleOf(arrow.to)];
    const [x, endX] = [xOf(arrow.fromMs), xOf(arrow.toMs)];
    return { x, y, toX: endX, toY: arrow.isLost ? (y + endY) / 2 : endY };
  }

  /** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y */
  function cross(context, x, y) {
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
  function head(context, { x, y, toX, toY }) {
    const angle = Math.atan2(toY - y, toX - x);
    context.beginPath();
    context.moveTo(toX, toY);
    for (const side of [-0.4, 0.4]) {
      context.lineTo(toX - 7 * Math.cos(angle + side), toY - 7 * Math.sin(angle + side));
    }
    context.fill();
  }

  /** @param {CanvasRenderingContext2D} context @param {TraceEvent} mark */
  function drawMark(context, mark) {
    const x = xOf(mark.atMs);
    const { y, size } = placeOf(mark);
    if (mark.kind === "violation") {
      context.fillStyle = color("violation");
      context.fillRect(x - 1, AXIS_PX, 2, heightPx);
    }
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

  /** @param {TraceEvent} mark */
  function placeOf(mark) {
    const lane = laneOf.get(mark.who ?? "") ?? 0;
    const size = mark.kind === "violation" ? 8 : 5;
    // On a lane's upper edge, so that it hides neither label nor arrow.
    return { y: mark.kind === "violation" ? AXIS_PX : (tops[lane] ?? 0) + 5, size };
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

  // ---- The list

  function fillList() {
    const events = run.events.filter(
      ({ atMs, kind, text, who }) =>
        atMs >= view.fromMs &&
        atMs <= view.toMs &&
        shown[kind] !== false &&
        matches(`${who ?? ""} ${text}`),
    );
    const rows = events.slice(0, ROWS_LISTED_MAX).map((event) => {
      const ends = { begin: "begins: ", end: "ends: ", lost: "lost: " };
      const what = `${event.phase === undefined ? "" : ends[event.phase]}${event.text}`;
      return make(
        "tr",
        { className: event.kind },
        [seconds(event.atMs), event.kind, event.who ?? "", what].map((text) =>
          make("td", { textContent: text }),
        ),
      );
    });
    list.replaceChildren(...rows);
    listNote.textContent =
      events.length > rows.length
        ? `The first ${rows.length} of ${events.length} events in view`
        : `${events.length} events in view`;
  }

  // ---- Moving

  /** @param {number} fromMs @param {number} toMs */
  function show(fromMs, toMs) {
    const spanMs = Math.min(endMs, Math.max(VIEW_MS_MIN, toMs - fromMs));
    view.fromMs = Math.min(Math.max(0, fromMs), endMs - spanMs);
    view.toMs = view.fromMs + spanMs;
    tip.hidden = true;
    redraw();
  }

  /** @param {number} factor @param {number} aroundMs */
  const zoom = (factor, aroundMs) =>
    show(aroundMs - (aroundMs - view.fromMs) * factor, aroundMs + (view.toMs - aroundMs) * factor);

  /** @param {number} share */
  const move = (share) => {
    const byMs = (view.toMs - view.fromMs) * share;
    show(view.fromMs + byMs, view.toMs + byMs);
  };

  /** @param {number} atMs */
  const goTo = (atMs) => show(atMs - (AROUND_MS[0] ?? 0), atMs + (AROUND_MS[1] ?? 0));

  /** @param {WheelEvent} event */
  function onWheel(event) {
    if (event.shiftKey) return;
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) move(event.deltaX / 1_000);
    else zoom(Math.exp(event.deltaY / 400), msOf(Math.max(GUTTER_PX, event.offsetX)));
  }

  /** @type {{ x: number, y: number } | undefined} */
  let dragged;

  /** @param {PointerEvent} event */
  function onMove(event) {
    if (dragged === undefined) return hover(event);
    const byMs = msOf(dragged.x) - msOf(event.clientX);
    window.scrollBy(0, dragged.y - event.clientY);
    dragged = { x: event.clientX, y: event.clientY };
    show(view.fromMs + byMs, view.toMs + byMs);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
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

  // ---- What lies under the pointer

  /** @param {PointerEvent} event */
  function hover(event) {
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

  // ---- Beginning

  const violationTimes = [
    ...run.violations.flatMap(({ atMs }) => (atMs === undefined ? [] : [atMs])),
    ...run.events.filter(({ kind }) => kind === "violation").map(({ atMs }) => atMs),
  ];

  build();
  lanes.addEventListener("wheel", onWheel, { passive: false });
  lanes.addEventListener("pointerdown", (event) => {
    dragged = { x: event.clientX, y: event.clientY };
    lanes.setPointerCapture(event.pointerId);
    lanes.classList.add("dragging");
    tip.hidden = true;
  });
  lanes.addEventListener("pointerup", () => {
    dragged = undefined;
    lanes.classList.remove("dragging");
  });
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
}

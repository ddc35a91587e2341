// @ts-check
/** The list of the events in view, in words. */
import { list, listNote, make } from "./elements.js";
import { matches, run, seconds, shown, view } from "./run.js";

const ROWS_LISTED_MAX = 400;

export function fillList() {
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

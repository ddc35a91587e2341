// @ts-check
/** The elements of the page that change. */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Partial<HTMLElementTagNameMap[K]>} properties
 * @param {readonly (Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, properties = {}, children = []) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export const map = make("canvas", { id: "map", title: "The whole run; click to go there" });
export const lanes = make("canvas", { id: "lanes", tabIndex: 0 });
lanes.setAttribute("role", "img");
lanes.setAttribute("aria-label", "Timeline of the run; its events are listed below");
export const tip = make("div", { id: "tip", hidden: true });
export const note = make("span", { id: "note" });
export const list = make("tbody");
export const listNote = make("h2");

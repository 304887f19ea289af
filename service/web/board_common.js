// What the board and the wall have in common.

import { one } from "./elements.js";
import { clockLanguage } from "./words.js";

/** @param {string} id */
export const byId = (id) => one(HTMLElement, `#${id}`);

/** @type {Map<Element, string>} the HTML that was put into it last; the browser would give it back changed */
const given = new Map();

/**
 * Put HTML into an element, unless it is there already.
 * @param {Element} element
 * @param {string} html
 */
export function replace(element, html) {
  if (given.get(element) === html) return false;
  given.set(element, html);
  element.innerHTML = html;
  return true;
}

/**
 * The time of the day by the clock of a zone, or by this machine's where there is none.
 * @param {string | undefined} zone
 */
export const clockIn = (zone) => {
  const format = new Intl.DateTimeFormat(clockLanguage, { timeStyle: "medium", timeZone: zone || undefined });
  return () => format.format(new Date());
};

// Finds the elements of a page that its scripts need.

/**
 * The first element that matches the selector; throws where there is none, or it isn't of this kind.
 * @template {Element} E
 * @param {new () => E} kind
 * @param {string} selector
 * @param {ParentNode} [within]
 */
export function one(kind, selector, within = document) {
  const found = within.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`The page has no ${kind.name} ${selector}`);
  return found;
}

/**
 * All elements of this kind that match the selector.
 * @template {Element} E
 * @param {new () => E} kind
 * @param {string} selector
 * @param {ParentNode} [within]
 */
export function all(kind, selector, within = document) {
  /** @type {E[]} */
  const fitting = [];
  for (const found of within.querySelectorAll(selector)) if (found instanceof kind) fitting.push(found);
  return fitting;
}

/**
 * @param {FormData} data
 * @returns {[name: string, value: string][]} without files, of which the forms have none
 */
export const entries = (data) => [...data].map(([name, value]) => [name, String(value)]);

/** The prefix of all addresses. */
export const root = document.documentElement.dataset.root ?? "";

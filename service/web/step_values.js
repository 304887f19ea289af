// Shows the values of one step of the chart: of the step under the pointer or finger, or chosen by the arrow keys.

import { one } from "./elements.js";
import { say } from "./words.js";

/**
 * @typedef {object} Step The texts of the step from `start` to `end`, in milliseconds since 1970.
 * @property {number} start
 * @property {number} end
 * @property {string} when
 * @property {string} plan
 * @property {string} fact
 * @property {string} difference
 * @property {boolean} short
 * @property {string[]} notes
 * @typedef {(time: number) => number} Scale Milliseconds since 1970 -> pixels from the area's left edge.
 * @typedef {object} View As much of a Vega view as is used here: https://vega.github.io/vega/docs/api/view/
 * @property {() => [left: number, top: number]} origin
 * @property {() => { left: number, top: number }} padding
 * @property {(name: string) => number} signal
 * @property {(name: string) => Scale} scale
 * @property {(name: string, values: object[]) => View} data
 * @property {() => View} resize
 * @property {() => Promise<View>} runAsync
 * @property {() => void} finalize
 */

const NEAR = 10; // a pointer within so many pixels of a step still points at it
const area = one(HTMLElement, "#reader");
const mark = one(HTMLElement, ".mark", area);
const values = one(HTMLElement, "#values");
/** @param {string} name */
const value = (name) => one(HTMLElement, `.${name}`, values);

/** @type {Map<number | null, Step>} */
const byStart = new Map();
/** @type {Step[]} the steps that have readings, in order */
let steps = [];
/** @type {number | null} the beginning of the step whose values are shown */
let chosen = null;
/** @type {number | null} */
let last = null;
/** @type {Scale | null} */
let scale = null;

/**
 * Lay the area that takes the pointer over the plot of a Vega view.
 * @param {View} view
 */
export function placeOver(view) {
  const [left, top] = view.origin();
  const padding = view.padding();
  const { offsetLeft, offsetTop } = one(HTMLElement, "#chart");
  Object.assign(area.style, {
    left: `${offsetLeft + padding.left + left}px`,
    top: `${offsetTop + padding.top + top}px`,
    width: `${view.signal("width")}px`,
    height: `${view.signal("height")}px`,
  });
  scale = view.scale("x");
  area.hidden = false;
  show();
}

/**
 * Set the texts of the steps: of all of them, or of those that have changed.
 * @param {Step[]} news
 * @param {boolean} all
 */
export function setSteps(news, all) {
  if (all) byStart.clear();
  for (const step of news) byStart.set(step.start, step);
  steps = [...byStart.values()].sort((a, b) => a.start - b.start);
  area.ariaValueMax = String(Math.max(0, steps.length - 1));
  show();
}

function show() {
  const step = byStart.get(chosen);
  mark.hidden = values.hidden = !step || !scale;
  if (!step || !scale) return;
  const [left, right] = [scale(step.start), scale(step.end)];
  mark.style.left = `${left}px`;
  mark.style.width = `${Math.max(1, right - left)}px`;
  for (const name of /** @type {const} */ (["when", "plan", "fact", "difference"]))
    value(name).textContent = step[name];
  value("difference").classList.toggle("short", step.short);
  showNotes(step.notes);
  placeBeside(left, right);
  area.ariaValueNow = String(steps.indexOf(step));
  const { when, plan, fact, difference } = step;
  const noted = step.notes.map((note) => say("note", { note }));
  area.ariaValueText = [say("step", { when, plan, fact, difference }), ...noted].join("; ");
}

/** @param {string[]} notes */
function showNotes(notes) {
  value("notes").replaceChildren(
    ...notes.map((note) => Object.assign(document.createElement("li"), { textContent: note })),
  );
}

/**
 * Put the values on the right of the step if there is room, else on its left, so that they never cover it.
 * @param {number} left
 * @param {number} right
 */
function placeBeside(left, right) {
  const width = area.offsetWidth;
  const most = (area.offsetParent ?? area).clientWidth - values.offsetWidth - 4;
  const at = left + right < width ? right + 8 : left - 8 - values.offsetWidth;
  values.style.left = `${Math.max(4, Math.min(most, area.offsetLeft + at))}px`;
  values.style.top = `${area.offsetTop}px`;
}

/** The beginning of the step that was chosen last, for whoever notes something about it. */
export const lastChosen = () => last;

/** @param {number | null} start */
function choose(start) {
  chosen = start;
  last = start ?? last;
  show();
}

/**
 * The beginning of the step nearest to this place on the axis, if it is near.
 * @param {number} x
 */
function stepAt(x) {
  /** @type {number | null} */
  let nearest = null;
  let least = Infinity;
  if (!scale) return null;
  for (const { start, end } of steps) {
    const far = Math.max(scale(start) - x, x - scale(end), 0);
    if (far < least) [nearest, least] = [start, far];
  }
  return least <= NEAR ? nearest : null;
}

for (const name of /** @type {const} */ (["pointerdown", "pointermove"])) {
  area.addEventListener(name, (event) => choose(stepAt(event.clientX - area.getBoundingClientRect().left)));
}
area.addEventListener("pointerleave", ({ pointerType }) => {
  if (pointerType === "mouse") choose(null); // the values stay when a finger is lifted
});
document.addEventListener("pointerdown", ({ target }) => {
  if (target instanceof Node && !area.contains(target)) choose(null);
});
area.addEventListener("focus", () => {
  if (chosen === null && area.matches(":focus-visible")) choose(steps.at(-1)?.start ?? null);
});
area.addEventListener("blur", () => choose(null));
area.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return choose(null);
  const at = steps.findIndex((step) => step.start === chosen);
  const to = new Map([
    ["ArrowLeft", at - 1],
    ["ArrowDown", at - 1],
    ["ArrowRight", at + 1],
    ["ArrowUp", at + 1],
    ["Home", 0],
    ["End", steps.length],
  ]).get(event.key);
  if (to === undefined || !steps.length) return;
  event.preventDefault();
  choose(steps[Math.max(0, Math.min(steps.length - 1, to))].start);
});

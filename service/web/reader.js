// Tells what one step of the chart comes to: under the pointer or the finger, or by the arrow keys.

import { one } from "./elements.js";

/**
 * @typedef {object} Step From `start` to `end`, in milliseconds since 1970; the rest as people read it.
 * @property {number} start
 * @property {number} end
 * @property {string} when
 * @property {string} plan
 * @property {string} fact
 * @property {string} difference
 * @property {boolean} short
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

const NEAR = 10; // pixels beside a step that still mean it
const area = one(HTMLElement, "#reader");
const mark = one(HTMLElement, ".mark", area);
const values = one(HTMLElement, "#values");
/** @param {string} name */
const value = (name) => one(HTMLElement, `.${name}`, values);

/** @type {Map<number | null, Step>} */
const byStart = new Map();
/** @type {Step[]} with readings, in order */
let steps = [];
/** @type {number | null} the beginning of the one that is told */
let chosen = null;
/** @type {Scale | null} */
let scale = null;

/**
 * The area lies over the plot of this view.
 * @param {View} view
 */
export function place(view) {
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
 * What the steps come to: all of them, or those in which something is new.
 * @param {Step[]} news
 * @param {boolean} all
 */
export function tell(news, all) {
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
  beside(left, right);
  area.ariaValueNow = String(steps.indexOf(step));
  area.ariaValueText = `${step.when}: plan ${step.plan}, fact ${step.fact}, difference ${step.difference}`;
}

/**
 * Right of the step where there is more room, else left of it: never on it.
 * @param {number} left
 * @param {number} right
 */
function beside(left, right) {
  const width = area.offsetWidth;
  const most = (area.offsetParent ?? area).clientWidth - values.offsetWidth - 4;
  const at = left + right < width ? right + 8 : left - 8 - values.offsetWidth;
  values.style.left = `${Math.max(4, Math.min(most, area.offsetLeft + at))}px`;
  values.style.top = `${area.offsetTop}px`;
}

/** @param {number | null} start */
function choose(start) {
  chosen = start;
  show();
}

/**
 * The beginning of the step that lies nearest to these pixels, if it is near.
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
  if (pointerType === "mouse") choose(null); // a finger that is lifted leaves what it showed
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

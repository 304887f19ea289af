// The chart: drawn anew when its shape changes, and moved when its bars do.

import { one } from "./elements.js";
import { place, tell } from "./reader.js";

/**
 * @import { Step, View } from "./reader.js"
 * @typedef {{ from: number }} Bar One of the chart's data; what else it has is between its specification and Vega.
 * @typedef {{ width?: number, datasets: { bars?: Bar[] } }} Spec
 * @typedef {object} Change
 * @property {Bar[]} bars
 * @property {Step[]} steps
 * @typedef {Change & { specs: { light: Spec, dark: Spec } }} Whole
 * @typedef {(element: Element, spec: Spec, options: object) => Promise<{ view: View }>} Embed
 */

const element = one(HTMLElement, "#chart");
const dark = matchMedia("(prefers-color-scheme: dark)");
/** @type {Window & { vegaEmbed?: Embed }} */
const page = window;
/** @type {Promise<void>} */
const vega = new Promise((done) => {
  if (page.vegaEmbed) done();
  else one(HTMLScriptElement, "#vega").addEventListener("load", () => done());
});

/** @type {Map<number, Bar>} what the chart shows, by where it begins */
const bars = new Map();
/** @type {Whole["specs"] | null} its specification without the bars, for each colour scheme */
let specs = null;
/** @type {View | null} what is on the page */
let view = null;
/** @type {Promise<unknown>} */
let drawing = Promise.resolve();

/** The pixels that a chart may be wide. */
export const room = () => Math.max(280, Math.floor(one(HTMLElement, "main").clientWidth - 16));

/**
 * Show another chart.
 * @param {Whole} data
 */
export function showWhole(data) {
  specs = data.specs;
  bars.clear();
  for (const bar of data.bars) bars.set(bar.from, bar);
  tell(data.steps, true);
  draw();
}

/**
 * Show what is new in this one.
 * @param {Change} data
 */
export function showChange(data) {
  for (const bar of data.bars) bars.set(bar.from, bar);
  tell(data.steps, false);
  if (data.bars.length) next(move);
}

async function move() {
  if (!view) return;
  const moved = view.data("bars", [...bars.values()]).resize();
  place(await moved.runAsync());
}

/** Draw it again, as wide as there is room now. */
export function draw() {
  next(drawNow);
}

/**
 * One after the other: a chart must not be replaced while it is being made.
 * @param {() => Promise<void>} work
 */
function next(work) {
  drawing = drawing.then(work).catch((error) => console.error(error));
}

async function drawNow() {
  await vega;
  if (!page.vegaEmbed || !specs || !element.offsetParent) return;
  const spec = structuredClone(specs[dark.matches ? "dark" : "light"]);
  spec.width = element.clientWidth || room();
  spec.datasets.bars = [...bars.values()];
  // no styles of its own and no eval: the page's policy allows neither
  const options = { ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: false };
  const made = await page.vegaEmbed(element, spec, options);
  view?.finalize();
  view = made.view;
  place(view);
}

dark.addEventListener("change", draw);

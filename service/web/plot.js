// The chart: it is drawn anew when anything but its bars changes; otherwise only its bars are.

import { one } from "./elements.js";
import { placeOver, setSteps } from "./step_values.js";

/**
 * @import { Step, View } from "./step_values.js"
 * @typedef {{ from: number }} Bar One bar of the chart's data. Its other fields matter only to the specification and Vega.
 * @typedef {{ width?: number, datasets: { bars?: Bar[], totals?: object[] } }} Spec
 * @typedef {object} Change
 * @property {Bar[]} bars
 * @property {object[]} lines the rows of running totals; all of them, if there are any
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

/** @type {Map<number, Bar>} the bars of the chart, by where each begins */
const bars = new Map();
/** @type {object[]} the running totals of the chart */
let lines = [];
/** @type {Whole["specs"] | null} the specification without bars and lines, for each colour scheme */
let specs = null;
/** @type {View | null} the Vega view on the page */
let view = null;
/** @type {Promise<unknown>} */
let drawing = Promise.resolve();

/** The width in pixels that there is for a chart. */
export const room = () => Math.max(280, Math.floor(one(HTMLElement, "main").clientWidth - 16));

/**
 * Show another chart.
 * @param {Whole} data
 */
export function showWhole(data) {
  specs = data.specs;
  lines = data.lines;
  bars.clear();
  for (const bar of data.bars) bars.set(bar.from, bar);
  setSteps(data.steps, true);
  draw();
}

/**
 * Show what is new in the same chart.
 * @param {Change} data
 */
export function showChange(data) {
  for (const bar of data.bars) bars.set(bar.from, bar);
  setSteps(data.steps, false);
  lines = data.lines;
  if (data.bars.length || lines.length) queue(moveBars);
}

async function moveBars() {
  if (!view) return;
  const moved = view.data("bars", [...bars.values()]);
  if (lines.length) moved.data("totals", lines); // a chart without running totals has no place for them
  placeOver(await moved.resize().runAsync());
}

/** Draw the chart again, in the width that there is now. */
export function draw() {
  queue(drawNow);
}

/**
 * Do one thing after the other: a chart must not be replaced while it is being drawn.
 * @param {() => Promise<void>} work
 */
function queue(work) {
  drawing = drawing.then(work).catch((error) => console.error(error));
}

async function drawNow() {
  await vega;
  if (!page.vegaEmbed || !specs || !element.offsetParent) return;
  const spec = structuredClone(specs[dark.matches ? "dark" : "light"]);
  spec.width = element.clientWidth || room();
  spec.datasets.bars = [...bars.values()];
  spec.datasets.totals = lines;
  // Vega's own styles and eval are off, since the page's policy allows neither
  const options = { ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: false };
  const made = await page.vegaEmbed(element, spec, options);
  view?.finalize();
  view = made.view;
  placeOver(view);
}

dark.addEventListener("change", draw);

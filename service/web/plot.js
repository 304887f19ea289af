// The chart: drawn anew when its shape changes, and moved when its bars do.

import { place, tell } from "./reader.js";

const element = document.getElementById("chart");
const dark = matchMedia("(prefers-color-scheme: dark)");
const vega = new Promise((done) => {
  if (window.vegaEmbed) done();
  else document.getElementById("vega").addEventListener("load", done);
});

const bars = new Map(); // what the chart shows, by where it begins
let specs = null; // its specification without the bars, for each colour scheme
let view = null; // what is on the page
let drawing = Promise.resolve();

/** The pixels that a chart may be wide. */
export const room = () => Math.max(280, Math.floor(document.querySelector("main").clientWidth - 16));

/** Show another chart. */
export function showWhole(data) {
  specs = data.specs;
  bars.clear();
  for (const bar of data.bars) bars.set(bar.from, bar);
  tell(data.steps, true);
  draw();
}

/** Show what is new in this one. */
export function showChange(data) {
  for (const bar of data.bars) bars.set(bar.from, bar);
  tell(data.steps, false);
  if (data.bars.length) next(async () => view && place(await view.data("bars", [...bars.values()]).resize().runAsync()));
}

/** Draw it again, as wide as there is room now. */
export function draw() {
  next(drawNow);
}

/** One after the other: a chart must not be replaced while it is being made. */
function next(work) {
  drawing = drawing.then(work).catch((error) => console.error(error));
}

async function drawNow() {
  await vega;
  if (!specs || !element.offsetParent) return;
  const spec = structuredClone(specs[dark.matches ? "dark" : "light"]);
  spec.width = element.clientWidth || room();
  spec.datasets.bars = [...bars.values()];
  // no styles of its own and no eval: the page's policy allows neither
  const options = { ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: false };
  const made = await vegaEmbed(element, spec, options);
  view?.finalize();
  view = made.view;
  place(view);
}

dark.addEventListener("change", draw);

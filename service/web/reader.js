// Tells what one step of the chart comes to: under the pointer or the finger, or by the arrow keys.

const NEAR = 10; // pixels beside a step that still mean it
const area = document.getElementById("reader");
const mark = area.querySelector(".mark");
const values = document.getElementById("values");

const byStart = new Map();
let steps = []; // with readings, in order
let chosen = null; // the beginning of the one that is told
let scale = null; // milliseconds since 1970 -> pixels from the area's left edge

/** The area lies over the plot of this view. */
export function place(view) {
  const [left, top] = view.origin();
  const padding = view.padding();
  const { offsetLeft, offsetTop } = document.getElementById("chart");
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

/** What the steps come to: all of them, or those in which something is new. */
export function tell(news, all) {
  if (all) byStart.clear();
  for (const step of news) byStart.set(step.start, step);
  steps = [...byStart.values()].sort((a, b) => a.start - b.start);
  area.setAttribute("aria-valuemax", Math.max(0, steps.length - 1));
  show();
}

function show() {
  const step = byStart.get(chosen);
  mark.hidden = values.hidden = !step || !scale;
  if (values.hidden) return;
  const [left, right] = [scale(step.start), scale(step.end)];
  mark.style.left = `${left}px`;
  mark.style.width = `${Math.max(1, right - left)}px`;
  values.querySelector(".when").textContent = step.when;
  for (const name of ["plan", "fact", "difference"]) values.querySelector(`.${name}`).textContent = step[name];
  values.querySelector(".difference").classList.toggle("short", step.short);
  beside(left, right);
  area.setAttribute("aria-valuenow", steps.indexOf(step));
  area.setAttribute(
    "aria-valuetext",
    `${step.when}: plan ${step.plan}, fact ${step.fact}, difference ${step.difference}`,
  );
}

/** Right of the step where there is more room, else left of it: never on it. */
function beside(left, right) {
  const width = area.offsetWidth;
  const most = area.offsetParent.clientWidth - values.offsetWidth - 4;
  const at = left + right < width ? right + 8 : left - 8 - values.offsetWidth;
  values.style.left = `${Math.max(4, Math.min(most, area.offsetLeft + at))}px`;
  values.style.top = `${area.offsetTop}px`;
}

function choose(start) {
  chosen = start;
  show();
}

/** The step that lies nearest to these pixels, if it is near. */
function stepAt(x) {
  const far = (step) => Math.max(scale(step.start) - x, x - scale(step.end), 0);
  const nearest = steps.reduce((best, step) => (best && far(best) <= far(step) ? best : step), null);
  return nearest && far(nearest) <= NEAR ? nearest.start : null;
}

for (const name of ["pointerdown", "pointermove"]) {
  area.addEventListener(name, (event) => choose(stepAt(event.clientX - area.getBoundingClientRect().left)));
}
area.addEventListener("pointerleave", ({ pointerType }) => {
  if (pointerType === "mouse") choose(null); // a finger that is lifted leaves what it showed
});
document.addEventListener("pointerdown", ({ target }) => {
  if (!area.contains(target)) choose(null);
});
area.addEventListener("focus", () => {
  if (chosen === null && area.matches(":focus-visible")) choose(steps.at(-1)?.start ?? null);
});
area.addEventListener("blur", () => choose(null));
area.addEventListener("keydown", (event) => {
  const at = steps.indexOf(byStart.get(chosen));
  const to = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, Home: 0, End: steps.length };
  if (event.key === "Escape") return choose(null);
  if (!(event.key in to) || !steps.length) return;
  event.preventDefault();
  choose(steps[Math.max(0, Math.min(steps.length - 1, to[event.key]))].start);
});

// The chooser of series. It searches the names, ticks or unticks all that match, and fetches new names when opened.

import { all, one, root } from "./elements.js";
import { say } from "./words.js";

const pick = one(HTMLDetailsElement, ".pick");
const list = one(HTMLFieldSetElement, "fieldset", pick);
const finder = one(HTMLElement, ".finder", pick);
const search = one(HTMLInputElement, "input", finder);
const nothing = one(HTMLElement, ".nothing", pick);
const labels = () => all(HTMLLabelElement, "label", list);
const boxes = () => all(HTMLInputElement, "input", list);

/** @param {HTMLLabelElement} label */
const boxIn = (label) => one(HTMLInputElement, "input", label);

function find() {
  const text = search.value.trim().toLowerCase();
  let found = 0;
  for (const label of labels()) {
    const fits = boxIn(label).value.toLowerCase().includes(text);
    label.hidden = !fits;
    if (fits) found += 1;
  }
  nothing.hidden = found > 0;
  nothing.textContent = say(text ? "no_match" : "no_series");
}

/**
 * Add a box for a new series, where its name belongs in the order.
 * @param {string} name
 */
function add(name) {
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", name: "series", value: name });
  const text = document.createElement("bdi");
  text.textContent = name;
  label.append(box, " ", text);
  const after = boxes().find((other) => !other.defaultChecked && other.value > name);
  list.insertBefore(label, after?.parentElement ?? null);
}

async function fetchNames() {
  const answer = await fetch(`${root}/live/series`).catch(() => null);
  if (!answer?.ok) return;
  const known = new Set(boxes().map((box) => box.value));
  const { series } = await answer.json();
  for (const name of series) if (!known.has(name)) add(name);
  find();
}

pick.addEventListener("toggle", () => {
  if (pick.open) fetchNames();
});
search.addEventListener("input", find);
search.addEventListener("change", (event) => event.stopPropagation()); // a search alone chooses no series
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") event.preventDefault();
});
for (const button of all(HTMLButtonElement, "button", finder)) {
  button.addEventListener("click", () => {
    for (const label of labels()) if (!label.hidden) boxIn(label).checked = button.value === "all";
    list.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
// with all the boxes ticked, series that come later are wanted as well: the same as with none ticked
search.form?.addEventListener("formdata", ({ formData }) => {
  if (boxes().every((box) => box.checked)) formData.delete("series");
});
finder.hidden = false;

// The chooser of series: searches, ticks or unticks all that are found, and learns which series there are.

const pick = document.querySelector(".pick");
const list = pick.querySelector("fieldset");
const finder = pick.querySelector(".finder");
const search = finder.querySelector("input");
const nothing = pick.querySelector(".nothing");
const boxes = () => [...list.querySelectorAll("input")];

function find() {
  const text = search.value.trim().toLowerCase();
  let found = 0;
  for (const box of boxes()) {
    const fits = box.value.toLowerCase().includes(text);
    box.parentElement.hidden = !fits;
    found += fits;
  }
  nothing.hidden = found > 0;
  nothing.textContent = text ? "None is called so." : "There are none yet.";
}

/** A box for a series that there was none for, in its place in the order. */
function add(name) {
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", name: "series", value: name });
  const text = document.createElement("span");
  text.textContent = name;
  label.append(box, " ", text);
  const after = boxes().find((other) => !other.defaultChecked && other.value > name);
  list.insertBefore(label, after?.parentElement ?? null);
}

async function learn() {
  const answer = await fetch("/live/series").catch(() => null);
  if (!answer?.ok) return;
  const known = new Set(boxes().map((box) => box.value));
  const { series } = await answer.json();
  for (const name of series) if (!known.has(name)) add(name);
  find();
}

pick.addEventListener("toggle", () => {
  if (pick.open) learn();
});
search.addEventListener("input", find);
search.addEventListener("change", (event) => event.stopPropagation()); // it chooses nothing
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") event.preventDefault();
});
for (const button of finder.querySelectorAll("button")) {
  button.addEventListener("click", () => {
    for (const box of boxes()) if (!box.parentElement.hidden) box.checked = button.value === "all";
    list.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
// all of them, and those that come later: as if none were ticked
pick.closest("form").addEventListener("formdata", ({ formData }) => {
  if (boxes().every((box) => box.checked)) formData.delete("series");
});
finder.hidden = false;

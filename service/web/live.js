// The live page: shows what comes of the view that is chosen, and keeps what is chosen in the address.

import { draw, room, showChange, showWhole } from "./plot.js";
import { hear, setClock, stand } from "./standing.js";
import { follow } from "./stream.js";

const byId = (id) => document.getElementById(id);
const form = byId("view");
const pick = form.querySelector(".pick");

// --- what comes

const stream = follow({
  event(name, data) {
    if (name === "time") return setClock(data);
    if (name === "beat") return hear();
    put(data);
    if (name === "whole") {
      accept();
      showWhole(data);
    } else {
      showChange(data);
    }
  },
  state(name) {
    stand(name);
    if (name !== "connecting") say(byId("notice"), "");
  },
  refused(problem) {
    stand("refused");
    complain(problem);
  },
});

function put(data) {
  byId("nothing").hidden = true;
  byId("board").hidden = data.empty;
  byId("start").hidden = !data.empty;
  hear({ newest: data.newest, patience: data.patience, empty: data.empty, zone: data.zone });
  document.querySelector("th .zone").textContent = data.zone;
  replace(byId("totals"), data.totals);
  putRecords(byId("records"), data.records);
}

function replace(element, html) {
  if (element.html !== html) element.innerHTML = element.html = html;
}

const keyOf = (row) => row.cells[0].firstElementChild.dateTime + row.cells[1].textContent + row.cells[5].textContent;

/** The new rows stand out for a moment; details that were unfolded stay so. */
function putRecords(body, html) {
  if (body.html === html) return;
  const known = new Set([...body.rows].map(keyOf));
  const open = new Set([...body.rows].filter((row) => row.querySelector("details[open]")).map(keyOf));
  const first = body.html === undefined;
  replace(body, html);
  for (const row of body.rows) {
    if (open.has(keyOf(row))) row.querySelector("details").open = true;
    if (!first && !known.has(keyOf(row))) row.classList.add("new");
  }
}

byId("records").addEventListener("animationend", ({ target }) => target.parentElement.classList.remove("new"));

// --- what the server refuses is said beside the field at fault

function complain({ detail, errors = [] }) {
  const faults = new Map(errors.map((one) => [one.field, `${one.detail}.`]));
  for (const name of ["period", "series", "tz"]) say(byId(`${name}-fault`), faults.get(name));
  form.elements.tz.ariaInvalid = faults.has("tz");
  const elsewhere = ![...faults.keys()].some((name) => byId(`${name}-fault`));
  say(byId("notice"), elsewhere && detail);
}

function say(element, text) {
  element.textContent = text || "";
  element.hidden = !text;
}

// --- the choosers

let width = 0; // that was asked for
let changed = null; // the field that was changed since the view was accepted
let ticking = false; // whether the newest entry of the history came of the chooser of series that is still open

function connect(asked, state) {
  width = room();
  const query = new URLSearchParams(asked);
  query.set("width", width);
  stream.open(query, state);
}

/** What is chosen, as far as it isn't the default. */
function choice() {
  const pairs = [...new FormData(form)];
  return new URLSearchParams(pairs.filter(([name, value]) => value && !(name === "period" && value === form.dataset.default)));
}

/** The view can be shown: now it stands in the address. Ticks one after the other are one entry of the history. */
function accept() {
  complain({});
  showChoice();
  if (changed === null) return;
  const asked = choice();
  const address = asked.size ? `/?${asked}` : "/";
  if (address !== location.pathname + location.search) {
    if (changed === "series" && ticking) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    ticking = changed === "series" && pick.open;
  }
  changed = null;
}

/** The words beside the choosers that tell what is chosen. */
function showChoice() {
  const asked = choice();
  const names = asked.getAll("series");
  pick.querySelector(".value").textContent = names.length > 1 ? `${names.length} of them` : (names[0] ?? "All");
}

form.addEventListener("change", ({ target }) => {
  changed = target.name || "series";
  showChoice();
  connect(choice(), "connecting");
});
form.addEventListener("submit", (event) => event.preventDefault());
pick.addEventListener("toggle", () => {
  if (!pick.open) ticking = false;
});
addEventListener("popstate", () => {
  const asked = new URLSearchParams(location.search);
  form.elements.tz.value = asked.get("tz") ?? "";
  for (const box of form.querySelectorAll("[name=series]")) box.checked = asked.getAll("series").includes(box.value);
  for (const one of form.querySelectorAll("[name=period]")) {
    one.checked = one.value === (asked.get("period") ?? form.dataset.default);
  }
  changed = null;
  ticking = false;
  connect(asked, "connecting");
});

let resizing = 0;
new ResizeObserver(() => {
  clearTimeout(resizing);
  resizing = setTimeout(() => {
    if (Math.abs(room() - width) > 40) connect(changed ? choice() : location.search, "");
    else draw();
  }, 200);
}).observe(document.querySelector("main"));

// --- the first reading

byId("copy").hidden = !navigator.clipboard;
byId("copy").addEventListener("click", async ({ target }) => {
  await navigator.clipboard.writeText(byId("command").textContent);
  target.textContent = "Copied";
  setTimeout(() => (target.textContent = "Copy"), 2000);
});

byId("show").hidden = true; // what is chosen is shown at once
connect(location.search, "connecting");

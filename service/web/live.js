// The live page: shows what comes of the view that is chosen, and keeps what is chosen in the address.

import { all, entries, one } from "./elements.js";
import { draw, room, showChange, showWhole } from "./plot.js";
import { hear, setClock, stand } from "./standing.js";
import { follow } from "./stream.js";

/**
 * @import { Problem, State } from "./stream.js"
 * @typedef {object} Parts What the page shows beside the chart: HTML, and how fresh it is.
 * @property {string} totals
 * @property {string} records
 * @property {string} zone
 * @property {number | null} newest
 * @property {number} patience
 * @property {boolean} empty
 */

/** @param {string} id */
const byId = (id) => one(HTMLElement, `#${id}`);
const form = one(HTMLFormElement, "#view");
const pick = one(HTMLDetailsElement, ".pick", form);
const records = one(HTMLTableSectionElement, "#records");
const zone = one(HTMLInputElement, "[name=tz]", form);

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

/** @param {Parts} data */
function put(data) {
  byId("nothing").hidden = true;
  byId("board").hidden = data.empty;
  byId("start").hidden = !data.empty;
  hear({ newest: data.newest, patience: data.patience, empty: data.empty, zone: data.zone });
  one(HTMLElement, "th .zone").textContent = data.zone;
  replace(byId("totals"), data.totals);
  putRecords(data.records);
}

/** @type {Map<Element, string>} the HTML that was put into it last; the browser would give it back changed */
const given = new Map();

/**
 * @param {Element} element
 * @param {string} html
 */
function replace(element, html) {
  if (given.get(element) === html) return;
  given.set(element, html);
  element.innerHTML = html;
}

/** @param {HTMLTableRowElement} row */
function keyOf(row) {
  const minute = one(HTMLTimeElement, "time", row).dateTime;
  return minute + row.cells[1].textContent + row.cells[5].textContent;
}

/**
 * The new rows stand out for a moment; details that were unfolded stay so.
 * @param {string} html
 */
function putRecords(html) {
  if (given.get(records) === html) return;
  const known = new Set([...records.rows].map(keyOf));
  const open = new Set([...records.rows].filter((row) => row.querySelector("details[open]")).map(keyOf));
  const first = !given.has(records);
  replace(records, html);
  for (const row of records.rows) {
    if (open.has(keyOf(row))) one(HTMLDetailsElement, "details", row).open = true;
    if (!first && !known.has(keyOf(row))) row.classList.add("new");
  }
}

records.addEventListener("animationend", ({ target }) => {
  if (target instanceof Element) target.parentElement?.classList.remove("new");
});

// --- what the server refuses is said beside the field at fault

/** @param {Problem} problem */
function complain({ detail, errors = [] }) {
  const faults = new Map(errors.map((error) => [error.field, `${error.detail}.`]));
  for (const name of ["period", "series", "tz"]) say(byId(`${name}-fault`), faults.get(name));
  zone.ariaInvalid = String(faults.has("tz"));
  const elsewhere = ![...faults.keys()].some((name) => document.getElementById(`${name}-fault`));
  say(byId("notice"), elsewhere ? detail : "");
}

/**
 * @param {HTMLElement} element
 * @param {string} [text]
 */
function say(element, text = "") {
  element.textContent = text;
  element.hidden = !text;
}

// --- the choosers

let width = 0; // that was asked for
/** @type {string | null} the field that was changed since the view was accepted */
let changed = null;
let ticking = false; // whether the newest entry of the history came of the chooser of series that is still open

/**
 * @param {string | URLSearchParams} asked
 * @param {State | ""} state
 */
function connect(asked, state) {
  width = room();
  const query = new URLSearchParams(asked);
  query.set("width", String(width));
  stream.open(query, state);
}

/** What is chosen, as far as it isn't the default. */
function choice() {
  const pairs = entries(new FormData(form));
  return new URLSearchParams(
    pairs.filter(([name, value]) => value && !(name === "period" && value === form.dataset.default)),
  );
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
  one(HTMLElement, ".value", pick).textContent = names.length > 1 ? `${names.length} of them` : (names[0] ?? "All");
}

form.addEventListener("change", ({ target }) => {
  changed = target instanceof HTMLInputElement && target.name ? target.name : "series";
  showChoice();
  connect(choice(), "connecting");
});
form.addEventListener("submit", (event) => event.preventDefault());
pick.addEventListener("toggle", () => {
  if (!pick.open) ticking = false;
});
addEventListener("popstate", () => {
  const asked = new URLSearchParams(location.search);
  zone.value = asked.get("tz") ?? "";
  for (const box of all(HTMLInputElement, "[name=series]", form))
    box.checked = asked.getAll("series").includes(box.value);
  for (const period of all(HTMLInputElement, "[name=period]", form)) {
    period.checked = period.value === (asked.get("period") ?? form.dataset.default);
  }
  changed = null;
  ticking = false;
  connect(asked, "connecting");
});

/** @type {number | undefined} */
let resizing;
new ResizeObserver(() => {
  clearTimeout(resizing);
  resizing = setTimeout(() => {
    if (Math.abs(room() - width) > 40) connect(changed ? choice() : location.search, "");
    else draw();
  }, 200);
}).observe(one(HTMLElement, "main"));

// --- the first reading

const copy = byId("copy");
copy.hidden = !navigator.clipboard;
copy.addEventListener("click", async () => {
  await navigator.clipboard.writeText(byId("command").textContent);
  copy.textContent = "Copied";
  setTimeout(() => {
    copy.textContent = "Copy";
  }, 2000);
});

byId("show").hidden = true; // what is chosen is shown at once
connect(location.search, "connecting");

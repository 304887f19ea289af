// The live page: shows the events of the view that is chosen, and keeps the choice in the address.

import { noteMessage, setClock, setState } from "./connection_status.js";
import { all, entries, one, root } from "./elements.js";
import { draw, room, showChange, showWhole } from "./plot.js";
import { follow } from "./stream.js";
import { say } from "./words.js";

/**
 * @import { Problem, State } from "./stream.js"
 * @typedef {object} Parts What the page shows beside the chart: HTML, and how fresh it is.
 * @property {string} totals
 * @property {string} records
 * @property {string} zone
 * @property {number | null} newest
 * @property {number | null} patience
 * @property {boolean} empty
 * @property {string} start the ends of the period, as people write them
 * @property {string} until
 */

/** @param {string} id */
const byId = (id) => one(HTMLElement, `#${id}`);
const form = one(HTMLFormElement, "#view");
const pick = one(HTMLDetailsElement, ".pick", form);
const records = one(HTMLTableSectionElement, "#records");
/** The fields that have one value each, and a place beside them where it is said why that can't be used. */
const fields = [
  ...all(HTMLInputElement, "[aria-describedby]", form),
  ...all(HTMLSelectElement, "[aria-describedby]", form),
];
/** The fields in which one's own period is typed, each with what it was shown to be last. */
const ends = {
  from: { field: one(HTMLInputElement, "[name=from]", form), shown: "" },
  until: { field: one(HTMLInputElement, "[name=until]", form), shown: "" },
};

// --- events from the server

const stream = follow({
  event(name, data) {
    if (name === "time") return setClock(data);
    if (name === "beat") return noteMessage();
    put(data);
    if (name === "whole") {
      accept();
      showWhole(data);
    } else {
      showChange(data);
    }
  },
  state(name) {
    setState(name);
    if (name !== "connecting") tell(byId("notice"), "");
  },
  refused(problem) {
    setState("refused");
    complain(problem);
  },
});

/** @param {Parts} data */
function put(data) {
  byId("nothing").hidden = true;
  byId("board").hidden = data.empty;
  byId("start").hidden = !data.empty;
  ends.from.shown = data.start;
  ends.until.shown = data.until;
  noteMessage({ newest: data.newest, patience: data.patience, empty: data.empty, zone: data.zone });
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
  return minute + row.cells[1].textContent + (row.cells[5]?.textContent ?? "");
}

/**
 * Highlight the new rows for a moment, and keep details open that were unfolded.
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

// --- refusals: what is wrong is said beside the field at fault

/** @param {Problem} problem */
function complain({ detail, errors = [] }) {
  const faults = new Map(errors.map((error) => [error.field, beside(error.field, error.detail)]));
  for (const place of all(HTMLElement, ".fault[id$=-fault]", form)) tell(place, faults.get(place.id.slice(0, -6)));
  for (const field of fields) {
    field.ariaInvalid = String(faults.has(field.name));
    const folded = field.closest("details");
    if (folded && faults.has(field.name)) folded.open = true;
  }
  const elsewhere = ![...faults.keys()].some((name) => document.getElementById(`${name}-fault`));
  tell(byId("notice"), elsewhere ? detail : "");
}

/**
 * The message beside a field; for times with the usual ways to write them instead of all.
 * @param {string} field
 * @param {string} detail
 */
function beside(field, detail) {
  const [wrong, allowed] = detail.split("; allowed are ");
  const isTime = (field === "from" || field === "until") && allowed;
  return isTime ? `${wrong}. ${say("write_like")}` : detail.replace(/\.?$/, ".");
}

/**
 * @param {HTMLElement} element
 * @param {string} [text]
 */
function tell(element, text = "") {
  element.textContent = text;
  element.hidden = !text;
}

// --- the choosers

let width = 0; // the width of the chart that was asked for last
/** @type {string | null} the name of the field that was changed since the server last accepted a view */
let changed = null;
let ticking = false; // whether the newest history entry comes from the chooser of series, and that is still open

/**
 * @param {string | URLSearchParams} asked
 * @param {State | ""} state
 */
function connect(asked, state) {
  width = room();
  const query = new URLSearchParams(asked);
  query.set("width", String(width));
  // one too many is refused as a thousand are, which an address has no room for
  const series = query.getAll("series").slice(0, Number(form.dataset.mostSeries) + 1);
  query.delete("series");
  for (const name of series) query.append("series", name);
  stream.open(query, state);
}

/** The fields that differ from their defaults. The ends count where no period is chosen. */
function choice() {
  const pairs = entries(new FormData(form));
  const period = pairs.find(([name]) => name === "period")?.[1];
  const moot = period ? ["from", "until"] : [];
  return new URLSearchParams(
    pairs.filter(
      ([name, value]) => value && !moot.includes(name) && !(name === "period" && value === form.dataset.default),
    ),
  );
}

/** Whoever wants a period of their own changes that which is shown. */
function offerEnds() {
  if (ends.from.field.value || ends.until.field.value) return;
  for (const { field, shown } of Object.values(ends)) field.value = shown;
}

/** The server shows the view, so it goes into the address. Several ticks in a row make a single history entry. */
function accept() {
  complain({});
  showChoice();
  if (changed === null) return;
  const asked = choice();
  const address = asked.size ? `${root}/?${asked}` : `${root}/`;
  if (address !== location.pathname + location.search) {
    if (changed === "series" && ticking) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    ticking = changed === "series" && pick.open;
  }
  changed = null;
}

/** Say on the chooser of series what is chosen. */
function showChoice() {
  const asked = choice();
  const names = asked.getAll("series");
  one(HTMLElement, ".value", pick).textContent =
    names.length > 1 ? say("series", { number: names.length }) : (names[0] ?? say("all"));
}

form.addEventListener("change", ({ target }) => {
  const named = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
  changed = named && target.name ? target.name : "series";
  if (target instanceof HTMLInputElement && target.name === "period" && !target.value) offerEnds();
  showChoice();
  connect(choice(), "connecting");
});
form.addEventListener("submit", (event) => event.preventDefault());
pick.addEventListener("toggle", () => {
  if (!pick.open) ticking = false;
});
addEventListener("popstate", () => {
  const asked = new URLSearchParams(location.search);
  for (const field of fields) set(field, asked.get(field.name) ?? "");
  for (const box of all(HTMLInputElement, "[name=series]", form))
    box.checked = asked.getAll("series").includes(box.value);
  const otherwise = asked.has("from") || asked.has("until") ? "" : form.dataset.default;
  for (const period of all(HTMLInputElement, "[name=period]", form)) {
    period.checked = period.value === (asked.get("period") ?? otherwise);
  }
  changed = null;
  ticking = false;
  connect(asked, "connecting");
});

/**
 * @param {HTMLInputElement | HTMLSelectElement} field
 * @param {string} value
 */
function set(field, value) {
  const offered = field instanceof HTMLInputElement || [...field.options].some((one) => one.value === value);
  if (!offered) field.append(new Option(value, value));
  field.value = value;
}

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
  copy.textContent = say("copied");
  setTimeout(() => {
    copy.textContent = say("copy");
  }, 2000);
});

byId("show").hidden = true; // no button is needed, since a change is shown at once
connect(location.search, "connecting");

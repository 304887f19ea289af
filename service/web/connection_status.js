// The badge of the live page: whether the page is connected, and how old the newest reading with a fact is. A page that
// isn't current is grey, and says as of when it is.

import { one } from "./elements.js";
import { clockLanguage, say, spanOf } from "./words.js";

/**
 * @import { State } from "./stream.js"
 * @typedef {object} Known What the server said of the readings, times in seconds since 1970.
 * @property {number | null} newest
 * @property {number | null} patience None is awaited where it is null, as in a period that is over.
 * @property {boolean} empty
 * @property {string} zone
 * @typedef {State | "refused" | "waiting" | "live" | "quiet"} Kind
 */

/** @param {string} id */
const byId = (id) => one(HTMLElement, `#${id}`);

/** @type {State | "refused" | "live"} */
let connection = "connecting";
/** @type {Known} */
let known = { newest: null, patience: 0, empty: true, zone: "UTC" };
let ahead = 0; // milliseconds that the server's clock is ahead of this machine's
/** @type {number | null} when the server last sent something, in seconds of its clock */
let heard = null;

const now = () => (Date.now() + ahead) / 1000;

/**
 * Set the server's clock, in seconds since 1970.
 * @param {number} seconds
 */
export function setClock(seconds) {
  ahead = 1000 * seconds - Date.now();
}

/**
 * Set the state of the connection.
 * @param {typeof connection} state
 */
export function setState(state) {
  connection = state;
  show();
}

/**
 * Note that the server sent something, and what it said of the readings, if anything.
 * @param {Partial<Known>} told
 */
export function noteMessage(told = {}) {
  heard = now();
  known = { ...known, ...told };
  setState("live");
}

function show() {
  const age = known.newest === null ? Infinity : Math.max(0, now() - known.newest);
  const overdue = known.patience !== null && age > known.patience;
  /** @type {Kind} */
  const kind = connection !== "live" ? connection : known.empty ? "waiting" : overdue ? "quiet" : "live";
  const quiet = known.newest === null ? say("no_fact") : say("quiet", spanOf(age));
  const text = kind === "quiet" ? quiet : say(kind);
  const badge = byId("state");
  if (badge.dataset.state !== kind) byId("said").textContent = text; // screen readers need not speak every minute
  badge.dataset.state = kind;
  write(badge, text);
  write(byId("age"), dated(kind, age));
  byId("board").dataset.current = kind === "live" ? "yes" : "no";
}

/**
 * @param {Kind} kind
 * @param {number} age
 */
function dated(kind, age) {
  if (kind === "live" && known.newest === null) return "";
  if (kind === "live") return age < 10 ? say("just_now") : say("ago", spanOf(age));
  if (kind === "quiet") return known.newest === null ? "" : say("newest", { moment: moment(known.newest) });
  return heard === null || known.empty ? "" : say("as_of", { moment: moment(heard) });
}

/**
 * @param {HTMLElement} element
 * @param {string} text
 */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Date and time in the page's zone, or in this machine's where the browser doesn't know the page's.
 * @param {number} seconds since 1970
 */
function moment(seconds) {
  /** @type {Intl.DateTimeFormatOptions} */
  const format = { dateStyle: "short", timeStyle: "medium" };
  try {
    return new Intl.DateTimeFormat(clockLanguage, { ...format, timeZone: known.zone }).format(1000 * seconds);
  } catch {
    return new Intl.DateTimeFormat(clockLanguage, format).format(1000 * seconds);
  }
}

setInterval(show, 1000);

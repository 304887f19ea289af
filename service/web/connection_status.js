// The badge of the live page: whether the page is connected, and how old the newest reading with a fact is. A page that
// isn't current is grey, and says as of when it is.

import { one } from "./elements.js";

const WORDS = {
  connecting: "Connecting…",
  lost: "Reconnecting…",
  offline: "Offline",
  refused: "Not live",
  waiting: "Waiting for the first reading",
  live: "Live",
};

/**
 * @import { State } from "./stream.js"
 * @typedef {object} Known What the server said of the readings, times in seconds since 1970.
 * @property {number | null} newest
 * @property {number | null} patience None is awaited where it is null, as in a period that is over.
 * @property {boolean} empty
 * @property {string} zone
 * @typedef {keyof typeof WORDS | "quiet"} Kind
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
  const kind = connection !== "live" ? connection : known.empty ? "waiting" : overdue ? "quiet" : "live";
  const quiet = known.newest === null ? "No fact lately" : `No reading for ${span(age)}`;
  const text = kind === "quiet" ? quiet : WORDS[kind];
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
  if (kind === "live") return `Newest reading ${age < 10 ? "just now" : `${span(age)} ago`}`;
  if (kind === "quiet") return known.newest === null ? "" : `Newest reading ${moment(known.newest)}`;
  return heard === null || known.empty ? "" : `As of ${moment(heard)}`;
}

/**
 * @param {HTMLElement} element
 * @param {string} text
 */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {number} seconds */
function span(seconds) {
  const [number, unit] =
    seconds < 60
      ? [Math.max(10, 10 * Math.floor(seconds / 10)), "second"]
      : seconds < 3600
        ? [Math.floor(seconds / 60), "minute"]
        : seconds < 172_800
          ? [Math.floor(seconds / 3600), "hour"]
          : [Math.floor(seconds / 86_400), "day"];
  return `${number} ${unit}${number === 1 ? "" : "s"}`;
}

/**
 * Date and time in the page's zone, or in this machine's where the browser doesn't know the page's.
 * @param {number} seconds since 1970
 */
function moment(seconds) {
  /** @type {Intl.DateTimeFormatOptions} */
  const format = { dateStyle: "short", timeStyle: "medium" };
  try {
    return new Intl.DateTimeFormat("sv", { ...format, timeZone: known.zone }).format(1000 * seconds);
  } catch {
    return new Intl.DateTimeFormat("sv", format).format(1000 * seconds);
  }
}

setInterval(show, 1000);

// The wall: a screen that nobody touches. It shows as many tiles as can be read from afar, page by page, and whatever
// happens to the network or the service, it never shows old numbers as if they were new.

import { byId, clockIn, replace } from "./board_common.js";
import { all } from "./elements.js";
import { follow } from "./stream.js";

const PER_PAGE = 12; // tiles that can be read from five metres on a usual screen
const TURN = 10_000; // milliseconds until the next page
const board = byId("board");
const sections = byId("sections");
const stale = byId("stale");

let page = 0;
let heard = "";
const since = clockIn(board.dataset.tz);
let ahead = 0; // milliseconds that the server's clock is ahead of this machine's

function tiles() {
  return all(HTMLElement, ".grid > section", sections);
}

/** Show the tiles of one page, and hide the others. */
function turn() {
  const found = tiles();
  const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
  page %= pages;
  const shown = found.slice(page * PER_PAGE, (page + 1) * PER_PAGE);
  for (const tile of found) tile.hidden = !shown.includes(tile);
  const grid = sections.querySelector(".grid");
  if (grid instanceof HTMLElement) grid.dataset.count = String(Math.min(found.length, PER_PAGE));
  byId("page").textContent = pages > 1 ? `${page + 1} of ${pages}` : "";
}

/** @param {string} text why what is shown isn't current; empty where it is */
function say(text) {
  const told = text && heard ? `${text} As of ${heard}` : text;
  stale.hidden = !told;
  if (stale.textContent !== told) stale.textContent = told;
  board.dataset.current = text ? "no" : "yes";
}

const stream = follow({
  event(name, data) {
    if (name === "time") {
      ahead = 1000 * data - Date.now();
      return; // it says nothing of the numbers, which may be those from before the connection was lost
    }
    heard = since();
    if (name === "board") {
      byId("when").textContent = data.when;
      if (replace(sections, data.html)) turn();
    }
    say("");
  },
  state(name) {
    say(name === "connecting" ? "Connecting…" : name === "offline" ? "Offline." : "Reconnecting…");
  },
  refused(problem) {
    say(problem.detail ?? "The service refuses to show this.");
  },
});

const clock = new Intl.DateTimeFormat("sv", { timeStyle: "short", timeZone: board.dataset.tz || undefined });
function tick() {
  byId("clock").textContent = clock.format(new Date(Date.now() + ahead));
}

setInterval(tick, 1000);
setInterval(() => {
  page += 1;
  turn();
}, TURN);
tick();
turn();
stream.open(new URLSearchParams(board.dataset.query), "connecting");

// The hour-by-hour board: puts in what the server sends, and says whether that is current.

import { byId, clockIn, replace } from "./board_common.js";
import { follow } from "./stream.js";
import { say } from "./words.js";

const board = byId("board");
const sections = byId("sections");

/**
 * @import { State } from "./stream.js"
 * @typedef {State | "refused" | "live"} Shown
 */
/** @type {Shown} */
let state = "connecting";
let heard = "";
const since = clockIn(board.dataset.tz);

function show() {
  const badge = document.getElementById("state");
  if (!badge) return;
  const text = state === "live" || !heard ? say(state) : `${say(state)} ${say("as_of", { moment: heard })}`;
  if (badge.textContent !== text) badge.textContent = text;
  if (badge.dataset.state !== state) byId("said").textContent = text;
  badge.dataset.state = state;
  board.dataset.current = state === "live" ? "yes" : "no";
}

/** @param {Shown} name */
function set(name) {
  state = name;
  show();
}

const stream = follow({
  event(name, data) {
    if (name === "time") return; // it says nothing of the numbers, which may be old ones still
    heard = since();
    if (name === "board") replace(sections, data.html);
    set("live");
  },
  state: set,
  refused() {
    set("refused");
  },
});

if (board.dataset.query) stream.open(new URLSearchParams(board.dataset.query), "connecting");

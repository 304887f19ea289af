// The hour-by-hour board: puts in what the server sends, and says whether that is current.

import { byId, clockIn, replace } from "./board_common.js";
import { follow } from "./stream.js";

const board = byId("board");
const sections = byId("sections");
const WORDS = {
  connecting: "Connecting…",
  lost: "Reconnecting…",
  offline: "Offline",
  refused: "Not live",
  live: "Live",
};

/** @type {keyof typeof WORDS} */
let state = "connecting";
let heard = "";
const since = clockIn(board.dataset.tz);

function show() {
  const badge = document.getElementById("state");
  if (!badge) return;
  const text = state === "live" || !heard ? WORDS[state] : `${WORDS[state]} As of ${heard}`;
  if (badge.textContent !== text) badge.textContent = text;
  if (badge.dataset.state !== state) byId("said").textContent = text;
  badge.dataset.state = state;
  board.dataset.current = state === "live" ? "yes" : "no";
}

/** @param {keyof typeof WORDS} name */
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

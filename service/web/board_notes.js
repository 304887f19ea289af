// Notes on the board: each row that has begun has a button, which opens the form with its hour and series.

import { byId } from "./board_common.js";
import { one } from "./elements.js";
import { noteAbout, sendNotes } from "./noting.js";

const board = byId("board");
const dialog = one(HTMLDialogElement, "#noting");
const zone = () => board.dataset.tz || "UTC";
let row = { from: "", series: "" }; // the row that the form is about

board.classList.add("notable");
board.addEventListener("click", ({ target }) => {
  const button = target instanceof Element ? target.closest("button.add-note") : null;
  if (!(button instanceof HTMLButtonElement)) return;
  const { from = "", until = "", series = "" } = button.dataset;
  row = { from, series };
  const [start, now] = [Date.parse(from), Date.now()];
  dialog.showModal();
  noteAbout(now >= start && now < Date.parse(until) ? now : start, zone(), series);
});
one(HTMLButtonElement, "#note-cancel").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => {
  // the board may have been put in anew meanwhile, and the button with it
  const again = board.querySelector(
    `button.add-note[data-from="${row.from}"][data-series="${CSS.escape(row.series)}"]`,
  );
  if (again instanceof HTMLButtonElement) again.focus();
});
sendNotes(zone, () => {
  byId("said").textContent = "The note is saved.";
  dialog.close();
});

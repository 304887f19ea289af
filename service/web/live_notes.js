// Notes on the live page: the form is about the minute that was looked at last, or about now.

import { one } from "./elements.js";
import { noteAbout, sendNotes } from "./noting.js";
import { lastChosen } from "./step_values.js";

const box = one(HTMLDetailsElement, "#noting");
/** The zone of the page, which the table of records names. */
const zone = () => one(HTMLElement, "th .zone").textContent || "UTC";

box.hidden = false;
box.addEventListener("toggle", () => {
  if (box.open) noteAbout(lastChosen() ?? Date.now(), zone());
});
sendNotes(zone);

// Notes on the live page: the form is about the minute that was looked at last, or about now.

import { one } from "./elements.js";
import { beginTyping, isTyping, noteAbout, sendNotes } from "./noting.js";
import { lastChosen } from "./step_values.js";

const box = one(HTMLDetailsElement, "#noting");
/** The zone of the page, which the table of records names. */
const zone = () => one(HTMLElement, "th .zone").textContent || "UTC";

box.hidden = false;
// The minute is set before the form opens: "toggle" comes some time later, when somebody may have typed another one.
one(HTMLElement, "summary", box).addEventListener("click", () => {
  if (!box.open) noteAbout(lastChosen() ?? Date.now(), zone());
});
box.addEventListener("toggle", () => {
  if (box.open && !isTyping()) beginTyping();
});
sendNotes(zone);

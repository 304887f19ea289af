// The form in which somebody notes something about a minute and a series. It is sent as a reading without numbers.

import { one, root } from "./elements.js";
import { lastChosen } from "./step_values.js";
import { say } from "./words.js";
import { instantAt, localAt } from "./zones.js";

const box = one(HTMLDetailsElement, "#noting");
const form = one(HTMLFormElement, "#note");
const said = one(HTMLElement, "#note-said");
/** @param {string} name */
const field = (name) => one(HTMLInputElement, `[name=${name}]`, form);
/** The zone of the page, which the table of records names. */
const zone = () => one(HTMLElement, "th .zone").textContent || "UTC";

box.hidden = false;
box.addEventListener("toggle", () => {
  if (!box.open) return;
  field("minute").value = localAt(lastChosen() ?? Date.now(), zone());
  field("note").focus();
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  said.classList.remove("fault");
  try {
    said.textContent = await save();
    field("note").value = "";
  } catch (error) {
    said.classList.add("fault");
    said.textContent = error instanceof Error ? error.message : String(error);
  }
});

/** Send the note; throws what was wrong. */
async function save() {
  const ts = new Date(instantAt(field("minute").value, zone())).toISOString();
  const reading = { ts, series: field("series").value, note: field("note").value.trim() };
  const answer = await fetch(`${root}/readings`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(reading),
  }).catch(() => {
    throw new Error(say("unreachable"));
  });
  if (answer.ok) return say("saved");
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.errors?.[0]?.detail ?? problem.detail ?? say("note_refused", { status: answer.status }));
}

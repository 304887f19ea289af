// The form in which somebody notes something about a minute and a series. It is sent as a reading without numbers.

import { one, root } from "./elements.js";
import { say } from "./words.js";
import { instantAt, localAt } from "./zones.js";

const form = one(HTMLFormElement, "#note");
const said = one(HTMLElement, "#note-said");
/** @param {string} name */
const field = (name) => one(HTMLInputElement, `[name=${name}]`, form);

/**
 * Let the form be about a minute, and about a series where one is meant; what is typed of the note stays.
 * @param {number} at milliseconds since 1970
 * @param {string} zone
 * @param {string} [series]
 */
export function noteAbout(at, zone, series) {
  field("minute").value = localAt(at, zone);
  if (series) field("series").value = series;
  tell("");
  beginTyping();
}

/** Go to the field that is to be typed into first. */
export function beginTyping() {
  (field("series").value ? field("note") : field("series")).focus();
}

/** Whether somebody is typing in the form. */
export function isTyping() {
  return form.contains(document.activeElement);
}

/**
 * Send the form when it is submitted. A refusal is said in it, and what is typed stays.
 * @param {() => string} zone returns the zone of the minute
 * @param {() => void} [saved]
 */
export function sendNotes(zone, saved) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await save(zone());
      tell(say("saved"));
      field("note").value = "";
      saved?.();
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), true);
    }
  });
}

/**
 * @param {string} text
 * @param {boolean} [wrong]
 */
function tell(text, wrong = false) {
  said.classList.toggle("fault", wrong);
  said.textContent = text;
}

/**
 * Send the note; throws what was wrong.
 * @param {string} zone
 */
async function save(zone) {
  const ts = new Date(instantAt(field("minute").value, zone)).toISOString();
  const reading = { ts, series: field("series").value, note: field("note").value.trim() };
  const answer = await fetch(`${root}/readings`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(reading),
  }).catch(() => {
    throw new Error(say("unreachable"));
  });
  if (answer.ok) return;
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.errors?.[0]?.detail ?? problem.detail ?? say("note_refused", { status: answer.status }));
}

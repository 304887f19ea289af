// Makes forms easier to fill in; each of them works without this script, too.

import "./chooser.js";
import { all, one } from "./elements.js";

const zones = document.getElementById("zones");

/** Offer the browser's own zone first, then all the others it knows. */
function offerZones() {
  if (!zones || zones.childElementCount) return;
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = Intl.supportedValuesOf ? Intl.supportedValuesOf("timeZone") : [];
  for (const name of new Set([own, "UTC", ...known])) {
    zones.append(new Option(name, name));
  }
}

for (const field of document.querySelectorAll("input[list=zones]")) {
  field.addEventListener("focus", offerZones);
}

/** A calendar for each field that takes a time. What is picked there is put into the field, which alone is sent. */
for (const when of all(HTMLElement, ".when:has(.picker)")) {
  const field = one(HTMLInputElement, "label input", when);
  const picker = one(HTMLInputElement, ".picker input", when);
  const button = one(HTMLButtonElement, ".picker button", when);
  picker.removeAttribute("name");
  picker.tabIndex = -1;
  picker.ariaHidden = "true";
  picker.addEventListener("input", () => {
    if (picker.value) field.value = picker.value.replace("T", " ");
  });
  button.hidden = !picker.showPicker;
  button.addEventListener("click", () => {
    if (/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d$/.test(field.value)) picker.value = field.value.replace(" ", "T");
    picker.showPicker();
  });
}

// leave empty fields out of the address; without scripts the service redirects to such an address
for (const form of document.forms) {
  form.addEventListener("formdata", ({ formData }) => {
    for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
  });
}

// close a list of choices as a menu closes: on a click elsewhere, or with Escape
document.addEventListener("click", (event) => {
  for (const open of all(HTMLDetailsElement, "details.pick[open]")) {
    if (event.target instanceof Node && !open.contains(event.target)) open.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const open of all(HTMLDetailsElement, "details.pick[open]")) {
    open.open = false;
    one(HTMLElement, "summary", open).focus();
  }
});

// Helps to fill the fields of a form in; every form works without.

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

// a list of choices closes like a menu does
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.pick[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && document.querySelector("details.pick[open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});

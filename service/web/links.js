// Keeps the links to the records and to the chart in step with the view that is chosen, as service/routes/page_links.py
// does for a page that is loaded.

import { all, entries, one } from "./elements.js";

const SHIFTS = ["shift", "last-shift"]; // the periods that a chart knows as shifts
const form = one(HTMLFormElement, "#view");

function updateLinks() {
  const chosen = new URLSearchParams(entries(new FormData(form)));
  const period = chosen.get("period") ?? "";
  const zone = chosen.get("tz");
  for (const link of all(HTMLAnchorElement, "a[data-onward]")) {
    const asked = new URLSearchParams();
    for (const name of chosen.getAll("series")) asked.append("series", name);
    if (SHIFTS.includes(period)) asked.append("shift", period);
    else if (period) asked.append("from", period === "today" ? period : `-${period}`);
    else for (const name of ["from", "until"]) if (chosen.get(name)) asked.append(name, chosen.get(name) ?? "");
    if (zone) asked.append("tz", zone);
    for (const name of (link.dataset.choices ?? "").split(" ")) {
      if (chosen.get(name)) asked.append(name, chosen.get(name) ?? "");
    }
    const [path, own] = (link.dataset.onward ?? "").split("?");
    link.href = `${path}?${[String(asked), own].filter(Boolean).join("&")}`;
  }
}

form.addEventListener("change", updateLinks);
addEventListener("popstate", () => setTimeout(updateLinks)); // after live.js has set the fields by the address
addEventListener("pageshow", updateLinks);

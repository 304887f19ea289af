// Keeps the links to the records and to the chart in line with what the live page shows; as service/routes/page_links.py.

const form = document.getElementById("view");

function follow() {
  const chosen = new FormData(form);
  const period = chosen.get("period");
  for (const link of document.querySelectorAll("a[data-onward]")) {
    const asked = new URLSearchParams();
    for (const name of chosen.getAll("series")) asked.append("series", name);
    if (period) asked.append("from", period === "today" ? period : `-${period}`);
    if (chosen.get("tz")) asked.append("tz", chosen.get("tz"));
    const [path, own] = link.dataset.onward.split("?");
    link.href = `${path}?${[String(asked), own].filter(Boolean).join("&")}`;
  }
}

form.addEventListener("change", follow);
addEventListener("popstate", () => setTimeout(follow)); // when the fields have followed the address
addEventListener("pageshow", follow);

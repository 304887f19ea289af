// Keeps the live page moving: chart, totals and records come as server-sent events and are put in place.

const WATCHDOG = 25_000; // milliseconds without a sign of life after which the connection is made anew
const byId = (id) => document.getElementById(id);
const form = byId("view");
const dark = matchMedia("(prefers-color-scheme: dark)");
const vega = new Promise((done) => {
  if (window.vegaEmbed) done();
  else byId("vega").addEventListener("load", done);
});

const bars = new Map(); // what the chart shows, by where it begins
let specs = null; // the chart's specification without the bars, for each colour scheme
let view = null; // the chart on the page
let source = null;
let heard = 0;
let retry = 0;
let shownWidth = 0;

// --- the connection

const STATES = { connecting: "Connecting…", live: "Live", lost: "Reconnecting…", offline: "Offline" };

function say(state) {
  const badge = byId("state");
  if (badge.dataset.state === state) return;
  badge.dataset.state = state;
  badge.textContent = STATES[state];
}

function disconnect() {
  source?.close();
  source = null;
  clearTimeout(retry);
}

function connect(state = "connecting") {
  disconnect();
  if (!navigator.onLine) return say("offline");
  say(state);
  const asked = new URLSearchParams(location.search);
  shownWidth = roomForChart();
  asked.set("width", shownWidth);
  source = new EventSource(`/live?${asked}`);
  heard = Date.now();
  source.addEventListener("whole", (event) => takeWhole(JSON.parse(event.data)));
  source.addEventListener("change", (event) => takeChange(JSON.parse(event.data)));
  source.addEventListener("beat", alive);
  source.addEventListener("error", lost);
}

function alive() {
  heard = Date.now();
  say("live");
}

function lost() {
  say(navigator.onLine ? "lost" : "offline");
  if (source?.readyState === EventSource.CLOSED) {
    // an answer that is no stream: the browser gives up, we don't
    retry = setTimeout(() => connect("lost"), 2000 + 3000 * Math.random());
  }
}

addEventListener("offline", () => {
  disconnect();
  say("offline");
});
addEventListener("online", () => connect("lost"));
setInterval(() => {
  if (source?.readyState === EventSource.OPEN && Date.now() - heard > WATCHDOG) connect("lost");
}, 5000);

// --- what comes

function takeWhole(data) {
  specs = data.specs;
  bars.clear();
  put(data);
  draw();
}

function takeChange(data) {
  put(data);
  if (data.bars.length) update();
}

function put(data) {
  alive();
  for (const bar of data.bars) bars.set(bar.from, bar);
  byId("board").hidden = data.empty;
  byId("start").hidden = !data.empty;
  replace(byId("totals"), data.totals);
  putRecords(byId("records"), data.records);
}

function replace(element, html) {
  if (element.html !== html) element.innerHTML = element.html = html;
}

const keyOf = (row) => row.cells[0].firstElementChild.dateTime + row.cells[1].textContent + row.cells[5].textContent;

/** The new rows stand out for a moment; details that were unfolded stay so. */
function putRecords(body, html) {
  if (body.html === html) return;
  const known = new Set([...body.rows].map(keyOf));
  const open = new Set([...body.rows].filter((row) => row.querySelector("details[open]")).map(keyOf));
  const first = body.html === undefined;
  replace(body, html);
  for (const row of body.rows) {
    if (open.has(keyOf(row))) row.querySelector("details").open = true;
    if (!first && !known.has(keyOf(row))) row.classList.add("new");
  }
}

// --- the chart

const roomForChart = () => Math.max(280, Math.floor(document.querySelector("main").clientWidth - 16));

let drawing = Promise.resolve();

/** One after the other: a chart must not be replaced while it is being made. */
function draw() {
  drawing = drawing.then(drawNow).catch((error) => console.error(error));
}

async function drawNow() {
  await vega;
  if (!specs || byId("board").hidden) return;
  const spec = structuredClone(specs[dark.matches ? "dark" : "light"]);
  spec.width = byId("chart").clientWidth || roomForChart();
  spec.datasets.bars = [...bars.values()];
  // no styles of its own and no eval: the page's policy allows neither
  const options = { ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: false };
  const made = await vegaEmbed(byId("chart"), spec, options);
  view?.finalize();
  view = made.view;
}

function update() {
  drawing = drawing
    .then(async () => view && (await view.data("bars", [...bars.values()]).resize().runAsync()))
    .catch((error) => console.error(error));
}

let resizing = 0;
new ResizeObserver(() => {
  clearTimeout(resizing);
  resizing = setTimeout(() => {
    if (Math.abs(roomForChart() - shownWidth) > 40) connect(byId("state").dataset.state);
    else if (view) draw();
  }, 200);
}).observe(document.querySelector("main"));
dark.addEventListener("change", draw);

// --- the choosers: what is chosen is in the address

function address() {
  const asked = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (value && !(name === "period" && value === form.dataset.default)) asked.append(name, value);
  }
  return asked.size ? `/?${asked}` : "/";
}

function checkZone(field) {
  try {
    new Intl.DateTimeFormat("en", { timeZone: field.value || "UTC" });
    field.setCustomValidity("");
  } catch {
    field.setCustomValidity("This is no time zone; write it like Europe/Berlin.");
  }
  return field.reportValidity();
}

form.addEventListener("change", (event) => {
  if (!checkZone(form.elements.tz)) return;
  history.pushState(null, "", address());
  showChoice();
  connect(byId("state").dataset.state);
});
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("popstate", () => {
  const asked = new URLSearchParams(location.search);
  form.elements.tz.value = asked.get("tz") ?? "";
  for (const box of form.querySelectorAll("[name=series]")) box.checked = asked.getAll("series").includes(box.value);
  for (const one of form.querySelectorAll("[name=period]")) {
    one.checked = one.value === (asked.get("period") ?? form.dataset.default);
  }
  showChoice();
  connect(byId("state").dataset.state);
});

/** The words beside the choosers that tell what is chosen. */
function showChoice() {
  const names = new FormData(form).getAll("series");
  const text = names.length > 1 ? `${names.length} of them` : (names[0] ?? "All");
  form.querySelector(".pick .value").textContent = text;
  const field = form.elements.tz;
  document.querySelector("th .zone").textContent = field.value || field.placeholder;
}

// --- the first reading

byId("copy").hidden = !navigator.clipboard;
byId("copy").addEventListener("click", async ({ target }) => {
  await navigator.clipboard.writeText(byId("command").textContent);
  target.textContent = "Copied";
  setTimeout(() => (target.textContent = "Copy"), 2000);
});

byId("show").hidden = true; // what is chosen is shown at once
showChoice();
connect();

// The operations page. The state of the server comes once a second from main (runtime/observe/live_overview.py); rows are filled
// in place, so that focus and selection stay.

const REFRESH_EVERY = 5000; // milliseconds, at the most often, while tasks end
const AWAY_AFTER = 4000;
const page = document.querySelector("[data-feed]");

function duration(seconds) {
  if (seconds < 90) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} d`;
}

const counted = (value) => (value === null ? "–" : number.format(value));
const megabytes = (bytes) => `${number.format(Math.round(bytes / 2 ** 20))} MB`;

// Tables

function fill(body, template, items, show) {
  const rows = new Map([...body.children].map((row) => [row.dataset.key, row]));
  const keys = new Set(items.map((item) => item.key));
  for (const [key, row] of rows) if (!keys.has(key)) row.remove();
  items.forEach((item, index) => {
    const row = rows.get(item.key) ?? newRow(template, item);
    show(row, item);
    if (body.children[index] !== row) body.insertBefore(row, body.children[index] ?? null);
  });
}

function newRow(template, item) {
  const row = template.content.firstElementChild.cloneNode(true);
  row.dataset.key = item.key;
  for (const button of row.querySelectorAll("[data-address]")) {
    button.formAction = button.dataset.address.replace("NAME", encodeURIComponent(item.name));
    button.value = item.name;
  }
  return row;
}

function set(row, field, text) {
  for (const cell of row.querySelectorAll(`[data-field=${field}]`)) if (cell.textContent !== text) cell.textContent = text;
}

function setState(row, state) {
  set(row, "state", state);
  row.querySelector("[data-field=state]").className = `status ${state}`;
}

function showInterpreter(row, item) {
  set(row, "name", item.name);
  set(row, "label", ` ${item.name}`);
  set(row, "gil", item.gil === "isolated" ? "" : item.gil);
  setState(row, item.state);
  for (const name of ["starts", "done", "objects"]) set(row, name, number.format(item[name]));
  set(row, "age", duration(item.age));
  showWork(row.querySelector("[data-field=work]"), item.work);
}

function showWork(cell, works) {
  const key = (work) => work.task || work.request || "…";
  if (cell.dataset.shown !== works.map(key).join()) {
    cell.dataset.shown = works.map(key).join();
    cell.replaceChildren(...works.map((work) => workLine(work)));
  }
  works.forEach((work, index) => {
    const [name, time] = cell.children[index].children;
    if (work.task) name.textContent = nameOf(work);
    const progress = work.progress ? `${Math.floor((100 * work.progress[0]) / work.progress[1])} %, ` : "";
    time.textContent = progress + duration(work.seconds);
  });
}

function workLine(work) {
  const line = element("div");
  const name = work.task
    ? element("a", { href: page.dataset.task.replace("00000000-0000-0000-0000-000000000000", dashed(work.task)) })
    : element("span", { textContent: work.request || "…" });
  line.append(name, element("small"));
  return line;
}

const dashed = (id) => id.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");

// Main knows only the ids of tasks: what has run for a second is worth a look at its name.

const names = new Map();

function nameOf(work) {
  if (!names.has(work.task) && work.seconds >= 1) {
    names.set(work.task, "");
    fetch(`${page.dataset.names}?id=${work.task}`)
      .then((answer) => answer.json())
      .then((found) => names.set(work.task, found[work.task]?.split(".").pop()))
      .catch(() => names.delete(work.task));
  }
  return names.get(work.task) || `${work.task.slice(0, 8)}…${work.task.slice(-4)}`;
}

function showQueue(row, item) {
  const state = item.paused ? "paused" : "open";
  set(row, "name", item.name);
  set(row, "label", ` ${item.name}`);
  setState(row, state);
  for (const name of ["ready", "running", "rate"]) set(row, name, counted(item[name]));
  set(row, "oldest", item.ready ? duration(item.oldest) : "");
  for (const button of row.querySelectorAll("[data-when]")) button.hidden = button.dataset.when !== state;
}

// What comes from main

let last = {};

function show(state) {
  if (!state.node) return;
  const limit = state.memory_limit ? ` of ${megabytes(state.memory_limit)}` : "";
  const waiting = state.waiting ? `, ${number.format(state.waiting)} requests wait` : "";
  const abandoned = state.abandoned ? `, ${state.abandoned} ${state.abandoned === 1 ? "interpreter" : "interpreters"} written off` : "";
  document.querySelector("#server").textContent =
    `Node ${state.node}, up ${duration(state.age)}, ${megabytes(state.memory)}${limit}${waiting}${abandoned}.`;
  warn(state.unready.join(", "));
  const keyed = (item) => ({ ...item, key: `${item.name} ${item.generation ?? ""}` });
  fill(document.querySelector("#interpreters"), document.querySelector("#interpreter"), state.interpreters.map(keyed), showInterpreter);
  fill(document.querySelector("#queues"), document.querySelector("#queue"), state.queues.map(keyed), showQueue);
  if (state.samples !== last.samples) drawCharts();
  const counts = document.querySelector("#tasks").dataset.state === "failed" ? "failed" : "ended";
  if (last.node && state[counts] !== last[counts]) refreshTasks(REFRESH_EVERY);
  last = state;
}

function warn(text) {
  const warning = document.querySelector("#unready");
  warning.hidden = !text;
  warning.textContent = text;
}

function listen() {
  const feed = new EventSource(page.dataset.feed);
  let missing = 0;
  feed.onmessage = (event) => {
    clearTimeout(missing);
    missing = 0;
    show(JSON.parse(event.data));
  };
  feed.onerror = () => {
    missing ||= setTimeout(() => warn("The server is away, or restarts."), AWAY_AFTER); // streams end now and then
    if (feed.readyState === EventSource.CLOSED) setTimeout(renew, 3000); // the address has expired, or the server is full
  };
}

async function renew() {
  try {
    const fresh = await fetchPart(location.href, "[data-feed]");
    if (!fresh) return location.reload();
    page.dataset.feed = fresh.dataset.feed;
    listen();
  } catch {
    setTimeout(renew, 3000);
  }
}

// Charts

async function drawCharts() {
  const answer = await fetch(page.dataset.history).catch(() => undefined);
  if (!answer?.ok) return;
  const history = await answer.json();
  if (!history.requests) return;
  for (const figure of document.querySelectorAll("[data-chart]")) draw(figure, figure.dataset.chart.split(" "), history);
}

function draw(figure, series, history) {
  const most = Math.max(1, ...series.flatMap((name) => history[name]));
  const steps = Math.max(60, history.requests.length - 1); // ten minutes of a young server, at most an hour
  const chart = drawn("svg", { viewBox: `0 0 ${steps} 100`, preserveAspectRatio: "none", role: "img" });
  chart.setAttribute("aria-label", `${figure.querySelector("figcaption").textContent}: at most ${number.format(most)}`);
  series.forEach((name, index) => {
    if (index < 2 || history[name].some(Boolean)) chart.append(drawn("path", { class: `c${index}`, d: curve(history[name], most, steps) }));
  });
  const axis = element("div", { className: "axis" });
  axis.append(element("span", { textContent: `${duration(steps * history.every)} ago` }), element("span", { textContent: `at most ${number.format(most)}` }), element("span", { textContent: "now" }));
  const legend = element("ul", { className: "legend" });
  series.forEach((name, index) => {
    const item = element("li", { className: `c${index}` });
    item.append(element("span", { textContent: `${name} ${number.format(history[name].at(-1) ?? 0)}` }));
    if (index < 2 || history[name].some(Boolean)) legend.append(item);
  });
  figure.replaceChildren(figure.querySelector("figcaption"), chart, axis, legend);
}

function curve(values, most, steps) {
  const first = steps + 1 - values.length;
  let pen = "M";
  return values.map((value, index) => {
    if (value === null) return (pen = "M"), "";
    const point = `${first + index} ${(100 - (98 * value) / most).toFixed(1)}`;
    const step = pen === "M" ? `M${point}L${point}` : `L${point}`; // a dot where it stands alone
    pen = "L";
    return step;
  }).join("");
}

// The list of tasks, when some have ended; not while somebody reads or selects in it

async function fetchPart(address, selector) {
  const answer = await fetch(address);
  return new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(selector); // null: signed out
}

let refreshing = 0;

function refreshTasks(wait) {
  refreshing ||= setTimeout(async () => {
    refreshing = 0;
    const list = document.querySelector("#tasks");
    if (document.hidden || list.querySelector("details[open], [name=task]:checked")) return;
    const fresh = await fetchPart(list.dataset.address, "#tasks").catch(() => null);
    if (fresh && !list.contains(document.activeElement)) list.replaceWith(fresh);
  }, wait);
}

document.addEventListener("acted", ({ detail: button }) => {
  if (!button.closest("#tasks")) return; // what is selected there stays selected
  for (const box of document.querySelectorAll("#tasks [type=checkbox]")) box.checked = false;
  button.blur();
  clearTimeout(refreshing);
  refreshing = 0;
  refreshTasks(300);
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-all]")) return;
  for (const box of document.querySelectorAll("#tasks [name=task]")) box.checked = event.target.checked;
});

show(JSON.parse(document.querySelector("#overview").textContent));
listen();

// Comfort for the samples page: it sends forms without leaving the page, takes dropped files and follows the tasks.
// Everything is rendered by the server. Events (runtime/http/live.py) say how far a task is, and when its card is to be
// fetched anew: then the page is asked for once, and what is new in it takes its place here.

const ASK_EVERY = 5000; // milliseconds, while there are no events to be had

const find = (selector, within = document) => within.querySelector(selector);
const list = () => find(".tasks");
const parse = (html) => new DOMParser().parseFromString(html, "text/html");

document.documentElement.classList.add("script");

function showError(text) {
  const message = Object.assign(document.createElement("div"), { className: "message", role: "alert", tabIndex: -1 });
  message.append(Object.assign(document.createElement("p"), { textContent: text }));
  find("#message").replaceChildren(message);
  message.focus();
}

// The list of tasks

const isUnfinished = (card) => card && /^(READY|RUNNING)/.test(card.dataset.state);

function announce(card) {
  find("#news").textContent = `${find("h3", card).textContent}: ${find(".status", card).textContent}`;
}

function replace(old, card) {
  const hadFocus = old.contains(document.activeElement);
  old.replaceWith(card);
  if (hadFocus) find("h3", card).focus();
  announce(card);
}

function showTasks(page) {
  const fresh = find(".tasks", page);
  if (!fresh) return location.reload(); // signed out
  for (const card of [...fresh.children].reverse()) {
    const old = document.getElementById(card.id);
    if (!old) list().prepend(card);
    else if (old.dataset.state !== card.dataset.state) replace(old, card);
  }
  list().dataset.live = fresh.dataset.live;
  listen();
}

let asking = false, askAgain = false;

async function refresh() {
  askAgain = true;
  if (asking) return;
  asking = true;
  try {
    while (askAgain) {
      askAgain = false;
      showTasks(parse(await (await fetch("/")).text()));
    }
  } catch {
    setTimeout(refresh, ASK_EVERY); // the server is away, perhaps restarting
  } finally {
    asking = false;
  }
}

// What is told of them

const firstSeen = new Map(); // a task's id → when its progress was first seen, and how far it was
let stream = null, heard = new Set();

function remaining(id, done, total) {
  const now = performance.now(), first = firstSeen.get(id);
  if (!first || done < first.done) firstSeen.set(id, { now, done });
  if (!first || done <= first.done || now - first.now < 1000) return "";
  const seconds = ((now - first.now) / (done - first.done)) * ((total - done) / 1000);
  return seconds < 1 ? "" : `, about ${seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`} left`;
}

function showProgress(id, [done, total]) {
  const card = document.getElementById(`task-${id}`);
  if (!isUnfinished(card)) return;
  Object.assign(find(".status", card), { className: "status running", textContent: "Running" });
  find(".progress", card).hidden = false;
  if (!total) return;
  Object.assign(find("progress", card), { max: total, value: done });
  const far = `${done.toLocaleString("en")} of ${total.toLocaleString("en")}`;
  find(".progress span", card).textContent = far + remaining(id, done, total);
}

function hear({ running, changed }) {
  for (const [id, progress] of Object.entries(running)) showProgress(id, progress);
  if (changed.some((id) => isUnfinished(document.getElementById(`task-${id}`)))) refresh();
}

function listen() {
  const address = list().dataset.live;
  const ids = address ? new URL(address, location).pathname.split("/").pop().split(",") : [];
  const isNeeded = ids.length > 0 && !document.hidden; // a browser has six connections for all tabs of a host
  if (isNeeded && stream && ids.every((id) => heard.has(id))) return;
  stream?.close();
  [stream, heard] = [isNeeded ? new EventSource(address) : null, new Set(ids)];
  if (!stream) return;
  stream.onmessage = ({ data }) => hear(JSON.parse(data));
  stream.onerror = ({ target }) => {
    if (target !== stream || target.readyState !== EventSource.CLOSED) return; // else the browser tries again
    stream = null; // the address has expired, or too many listen
    setTimeout(refresh, ASK_EVERY);
  };
}

document.addEventListener("visibilitychange", () => (document.hidden ? listen() : refresh()));
listen();

// Sending files, one after the other. XMLHttpRequest, because fetch does not say how much of an upload has been sent.

const uploads = [];

function add(files) {
  for (const file of files) {
    const row = find("#upload").content.cloneNode(true).firstElementChild;
    find("h3", row).textContent = file.name;
    find(".unseen", row).textContent = `with ${file.name}`;
    find("progress", row).ariaLabel = `Upload of ${file.name}`;
    find("button", row).onclick = () => enqueue({ file, row });
    list().prepend(row);
    enqueue({ file, row });
  }
}

function enqueue(upload) {
  show(upload, "Sending", "", 0);
  if (uploads.push(upload) === 1) send(upload);
}

function show({ row }, status, reason, sent) {
  Object.assign(find(".status", row), { textContent: status, className: `status ${reason ? "failed" : "running"}` });
  find(".progress", row).hidden = Boolean(reason);
  find("progress", row).value = sent;
  find(".progress span", row).textContent = sent ? `${Math.floor(100 * sent)} % sent` : "";
  Object.assign(find(".reason", row), { hidden: !reason, textContent: reason });
  find("button", row).hidden = !reason;
  if (reason) announce(row);
}

function send(upload) {
  const fields = new FormData(find("#files")), most = Number(find("#file").dataset.mostBytes);
  fields.set("file", upload.file);
  const request = new XMLHttpRequest();
  request.upload.onprogress = ({ loaded, total }) => show(upload, "Sending", "", loaded / total);
  request.onload = () => sent(upload, request);
  request.onerror = () => sent(upload, null);
  if (upload.file.size > most) return sent(upload, null, `The file is too large: at most ${most >> 20} MB are accepted.`);
  request.open("POST", find("#files").action);
  request.send(fields);
}

function sent(upload, request, reason = "The server cannot be reached. Check the connection and try again.") {
  uploads.shift();
  if (uploads.length) send(uploads[0]);
  if (!request) return show(upload, "Not sent", reason, 0);
  if (!request.getResponseHeader("Content-Type")?.startsWith("text/html")) {
    return show(upload, "Not sent", reasonIn(request.response), 0); // main's own answer: too large, too busy
  }
  const page = parse(request.response), refused = find("[role=alert]", page);
  if (refused) return show(upload, "Not taken", refused.textContent.trim(), 0);
  upload.row.remove();
  showTasks(page);
}

function reasonIn(answer) {
  try {
    return JSON.parse(answer).error.message;
  } catch {
    return answer;
  }
}

find("#file").addEventListener("change", ({ target }) => {
  add(target.files);
  target.value = "";
});
find("#file").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return; // which would send the form
  event.preventDefault();
  event.target.click();
});

// Dropping them, anywhere on the page

function markDrop(event, isOver) {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault(); // else the browser opens the file
  find("#files").classList.toggle("over", isOver);
}

document.addEventListener("dragover", (event) => markDrop(event, true));
document.addEventListener("dragleave", (event) => event.relatedTarget ?? markDrop(event, false));
document.addEventListener("drop", (event) => {
  markDrop(event, false);
  add(event.dataTransfer?.files ?? []);
});

// The other forms

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-swap]")) return;
  event.preventDefault();
  try {
    const page = parse(await (await fetch(form.action, { method: "POST", body: new FormData(form) })).text());
    const refused = find("[role=alert]", page);
    if (refused) return showError(refused.textContent.trim());
    find("#message").replaceChildren();
    showTasks(page);
  } catch {
    showError("The server cannot be reached. Check the connection and try again.");
  }
});

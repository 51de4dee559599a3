// Comfort for the samples page: it sends the forms without leaving the page, takes dropped files and follows the tasks.
// Everything is rendered by the server; here the new <main> or the new card takes the place of the old one.

const POLL_EVERY = 1000; // milliseconds

const parse = (html) => new DOMParser().parseFromString(html, "text/html");

function showPage(html) {
  document.querySelector("main").replaceWith(parse(html).querySelector("main"));
  (document.querySelector("[role=alert]") ?? document.querySelector("#tasks-heading")).scrollIntoView({ block: "nearest" });
  document.querySelector("[role=alert]")?.focus();
}

function showError(text) {
  const message = document.querySelector("[role=alert]") ?? document.createElement("p");
  Object.assign(message, { className: "message", role: "alert", tabIndex: -1, textContent: text });
  document.querySelector(".forms").before(message);
  message.focus();
}

// Sending forms. XMLHttpRequest, because fetch does not say how much of an upload has been sent.

function send(form) {
  const button = form.querySelector("button:not([type=button])");
  const request = new XMLHttpRequest();
  request.upload.onprogress = ({ loaded, total }) => {
    button.textContent = loaded < total ? `Sending, ${Math.floor((100 * loaded) / total)} %` : "Sent";
  };
  request.onload = () => {
    if (request.getResponseHeader("Content-Type")?.startsWith("text/html") && parse(request.response).querySelector(".forms")) {
      showPage(request.response);
    } else {
      location.reload(); // signed out, or an error page
    }
  };
  request.onerror = () => {
    button.disabled = false;
    button.textContent = "Try again";
    showError("The server cannot be reached. Check the connection and try again.");
  };
  request.open("POST", form.action);
  request.send(new FormData(form));
  button.disabled = true;
}

function tooLarge(form) {
  const input = form.querySelector("input[type=file]");
  const file = input?.files[0];
  return file && file.size > Number(input.dataset.mostBytes);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-swap]")) return;
  event.preventDefault();
  if (tooLarge(form)) showError(`The file is too large: ${form.querySelector("label").textContent}.`);
  else send(form);
});

// Dropping files

const dropForm = (event) => event.target.closest?.("[data-drop]");

function markDrop(event) {
  for (const form of document.querySelectorAll("[data-drop]")) form.classList.toggle("over", form === dropForm(event));
  if (event.dataTransfer?.types.includes("Files")) event.preventDefault(); // beside a form: do not open the file
}

document.addEventListener("dragover", markDrop);
document.addEventListener("dragleave", (event) => event.relatedTarget ?? markDrop(event));
document.addEventListener("drop", (event) => {
  const form = dropForm(event);
  if (event.dataTransfer.files.length) event.preventDefault();
  markDrop({ target: document });
  if (!form || !event.dataTransfer.files.length) return;
  form.querySelector("input[type=file]").files = event.dataTransfer.files;
  form.requestSubmit();
});

// Following tasks

function showProgress(card, { done, total }) {
  const bar = card.querySelector("progress");
  if (!bar) return;
  Object.assign(bar, { max: total, value: done });
  card.querySelector(".progress span").textContent = `${done.toLocaleString("en")} of ${total.toLocaleString("en")}`;
}

async function showCard(card) {
  const page = parse(await (await fetch("/")).text());
  const fresh = page.getElementById(card.id);
  if (fresh) card.replaceWith(fresh);
  else location.reload(); // signed out, or the task has been deleted
}

async function follow(card) {
  const response = await fetch(card.dataset.poll);
  if (!response.ok) return showCard(card);
  const { status, progress } = await response.json();
  if (status !== card.dataset.status) await showCard(card);
  else if (progress) showProgress(card, progress);
}

async function followAll() {
  try {
    if (!document.hidden) await Promise.all([...document.querySelectorAll("[data-poll]")].map(follow));
  } catch {
    // the server is away, perhaps restarting: the next round finds it again
  }
  setTimeout(followAll, POLL_EVERY);
}

setTimeout(followAll, POLL_EVERY);

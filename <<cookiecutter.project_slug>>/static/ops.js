// What the pages of /ops/ have in common: buttons that act without leaving the page. Without it they do, with a reload.

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

const element = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);

function drawn(tag, attributes = {}, text = "") {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
  if (text) shape.textContent = text;
  return shape;
}

// Buttons

document.addEventListener("submit", async (event) => {
  const button = event.submitter;
  if (!button || !event.target.matches("#act, #tasks form")) return;
  event.preventDefault();
  const body = new FormData(event.target, button);
  try {
    const answer = await fetch(button.getAttribute("formaction") ? button.formAction : event.target.action, {
      method: "POST", body, headers: { Accept: "application/json" },
    });
    if (button.dataset.reload !== undefined || !answer.ok) return location.reload();
    say((await answer.json()).said);
  } catch {
    say("The server did not answer: perhaps it restarts. Try again.");
  }
  document.dispatchEvent(new CustomEvent("acted", { detail: button }));
});

function say(text) {
  document.querySelector("#said").textContent = text;
}

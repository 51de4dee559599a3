// The page of a task: its stack, and its profile as a flame graph

const LOOKS = {
  async stack(section) {
    const stack = document.querySelector("#stack");
    stack.textContent = await (await fetch(section.dataset.stack)).text();
    stack.hidden = false;
    stack.scrollTop = stack.scrollHeight; // the innermost frame
  },
  profile(section) {
    return new Promise((resolve) => {
      const feed = new EventSource(section.dataset.profile);
      const end = (draw) => (feed.close(), draw(), resolve());
      feed.onmessage = (event) => end(() => drawFlames(JSON.parse(event.data)));
      feed.onerror = () => end(() => say("There is no profile: the server is away, or this page is too old. Reload it."));
    });
  },
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-look]");
  if (!button) return;
  button.disabled = true;
  await LOOKS[button.dataset.look](button.closest("section"));
  button.disabled = false;
});

// A line of a profile is "outer;inner 12": stacks with the same beginning share its frames.

function frames(profile) {
  const root = { name: "all", samples: 0, inner: new Map() };
  for (const line of profile.trimEnd().split("\n")) {
    const [, stack, samples] = line.match(/^(.*) (\d+)$/);
    let frame = root;
    frame.samples += Number(samples);
    for (const name of stack.split(";")) {
      if (!frame.inner.has(name)) frame.inner.set(name, { name, samples: 0, inner: new Map() });
      frame = frame.inner.get(name);
      frame.samples += Number(samples);
    }
  }
  return root;
}

function drawFlames(profile) {
  const place = document.querySelector("#flames");
  place.hidden = false;
  if (!profile) return place.replaceChildren(element("p", { textContent: "It was not seen running here." }));
  const root = frames(profile);
  const graph = drawn("svg", { role: "img", "aria-label": `Flame graph of ${root.samples} samples` });
  const depth = drawFrame(graph, root, 0, 0, root.samples);
  graph.setAttribute("height", depth * 18);
  place.replaceChildren(element("p", { className: "hint", textContent: `${root.samples} samples; the outermost call is at the top.` }), graph);
}

function drawFrame(graph, frame, before, depth, all) {
  const share = (100 * frame.samples) / all;
  const box = drawn("svg", { x: `${(100 * before) / all}%`, y: depth * 18, width: `${share}%`, height: 18 });
  const group = drawn("g");
  group.append(drawn("title", {}, `${frame.name}: ${share.toFixed(1)} %`), drawn("rect", { width: "100%", height: 17, rx: 2 }));
  box.append(drawn("text", { x: 4, y: 13 }, share > 2 ? frame.name : ""));
  box.prepend(group);
  graph.append(box);
  let start = before;
  let deepest = depth + 1;
  for (const inner of frame.inner.values()) {
    deepest = Math.max(deepest, drawFrame(graph, inner, start, depth + 1, all));
    start += inner.samples;
  }
  return deepest;
}

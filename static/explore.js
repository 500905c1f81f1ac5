// The facets and the bars, beyond HTML: find in a long facet, and drag over bars to select a time.
// app.js asks for this file when the pointer or the focus comes to the feed.
(() => {
  "use strict";
  const on = (name, run) => document.addEventListener(name, run);
  const find = ({ target }) => {
    if (!("narrows" in (target.dataset ?? {}))) return;
    const wanted = target.value.trim().toLowerCase();
    for (const item of target.parentElement.querySelectorAll("li")) {
      item.hidden = !item.firstChild.textContent.toLowerCase().includes(wanted);
    }
  };
  on("input", find);
  find({ target: document.activeElement ?? document });

  let drag = null; // from one bar to another
  const barAt = (svg, x) => {
    const { left, width } = svg.getBoundingClientRect();
    const bars = Number(svg.dataset.slots);
    return Math.max(0, Math.min(bars - 1, Math.floor((x - left) / width * bars)));
  };
  on("pointerdown", ({ target, button, pointerType, clientX }) => {
    const svg = target.closest(".bars");
    if (svg && !button && pointerType !== "touch") drag = { svg, from: barAt(svg, clientX) };
  });
  on("pointermove", ({ clientX }) => {
    if (!drag) return;
    const { svg, from } = drag;
    const to = barAt(svg, clientX);
    if (to === from && !drag.drawn) return; // a click, so far
    drag.drawn ??= svg.appendChild(document.createElementNS(svg.namespaceURI, "path"));
    [drag.first, drag.end] = [Math.min(from, to), Math.max(from, to) + 1];
    drag.drawn.setAttribute("class", "picked");
    drag.drawn.setAttribute("d", `M${drag.first * 10} 0H${drag.end * 10}V96H${drag.first * 10}z`);
  });
  on("pointerup", () => {
    const { svg, drawn, first, end } = drag ?? {};
    drag = null;
    if (!drawn) return;
    const { from, each, slots } = svg.dataset;
    const to = new URL(location.href);
    const query = to.searchParams;
    const set = (name, bar) => query.set(name, new Date((+from + bar * each) * 1000).toISOString().slice(0, 19));
    query.delete("before");
    query.delete("after");
    if (first || !query.get("since")) set("since", first); // the first and the last bar may be cut
    if (end < slots || !query.get("until")) set("until", end);
    location.assign(to);
  });
  on("pointercancel", () => { drag?.drawn?.remove(); drag = null; });
  on("dragstart", (event) => { if (event.target.closest(".bars")) event.preventDefault(); });
})();

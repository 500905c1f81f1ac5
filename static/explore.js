// The facets and the bars, beyond HTML: find in a long facet, drag over bars to select a time, and
// count anew when other rows are shown. app.js asks for this file when the pointer or the focus
// comes to the feed, or live.js shows something there.
(() => {
  "use strict";
  const on = (name, run) => document.addEventListener(name, run);
  const find = ({ target }) => {
    if (!("narrows" in (target.dataset ?? {}))) return;
    const wanted = target.value.trim().toLowerCase();
    for (const item of target.closest(".facet").querySelectorAll("li")) {
      item.hidden = !item.querySelector(".word").textContent.toLowerCase().includes(wanted);
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

  // ---- counted anew
  const BETWEEN = 10e3; // milliseconds, at least, between two questions
  const LOOK = 1e3; // between two looks whether one is due
  const PATIENCE = 20e3; // for an answer
  const PARTS = [".facets", ".histogram"];
  let asking = false;
  let asked = -BETWEEN; // when
  let counted; // which state of the rows the numbers are of

  /** Return which state of the rows is to be counted; nothing while somebody is at work in the numbers. */
  const due = () => {
    const live = document.querySelector("#feed .live[data-first][data-live=true]");
    const used = `:is(${PARTS}):is(:hover, :focus-within), [data-narrows]:not(:placeholder-shown)`;
    if (document.hidden || drag || !getSelection().isCollapsed || document.querySelector(used)) return "";
    return live?.dataset.moved;
  };
  const look = async () => {
    const [moved, facets] = [due(), document.querySelector("#feed .facets")];
    if (!moved || !facets || moved === counted || asking || performance.now() < asked + BETWEEN) return;
    [asking, asked] = [true, performance.now()];
    try {
      const answer = await fetch(facets.dataset.counts, { signal: AbortSignal.timeout(PATIENCE) });
      const box = document.createElement("template");
      box.innerHTML = await answer.text();
      if (!answer.ok) counted = moved; // the next rows ask again
      else if (due() && facets.isConnected) {
        draw(box.content);
        counted = moved;
      }
    } catch { /* no answer: it is asked for again */ }
    asking = false;
  };
  const draw = (fresh) => {
    const row = scrollY && [...document.querySelectorAll("#feed article")].find((one) => one.getBoundingClientRect().bottom > 0);
    const top = row && row.getBoundingClientRect().top;
    for (const part of PARTS) become(document.querySelector(`#feed ${part}`), fresh.querySelector(part));
    if (row) scrollBy({ top: row.getBoundingClientRect().top - top, behavior: "instant" });
  };
  /** Make OLD like FRESH. What is the same stays, and what was opened or shut. */
  const become = (old, fresh) => {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
    if (!fresh.attributes) return void (old.data = fresh.data);
    const names = new Set([...old.getAttributeNames(), ...fresh.getAttributeNames()]);
    names.delete("open");
    for (const name of names) {
      if (fresh.hasAttribute(name)) old.setAttribute(name, fresh.getAttribute(name));
      else old.removeAttribute(name);
    }
    const before = [...old.childNodes];
    const after = [...fresh.childNodes];
    for (const [at, one] of after.entries()) {
      if (before[at]) become(before[at], one);
      else old.append(one);
    }
    for (const one of before.slice(after.length)) one.remove();
  };
  setInterval(look, LOOK);
  look();
})();

// One event beside a feed, open while the address names it. A click on a row, on a title or on a
// mark of a timeline opens it, and so does "row:open" at one; with a modifier it is the page.
(() => {
  "use strict";
  const narrow = matchMedia("(max-width: 900px)");
  const TWICE = 500; // milliseconds: the time of a double click, which selects a word
  const find = (id) => document.getElementById(id);
  const named = () => new URL(location).searchParams.get("event");
  const address = (id, at = location) => {
    const to = new URL(at);
    to.searchParams.delete("event");
    if (id) to.searchParams.set("event", id);
    return to.pathname + to.search;
  };
  let list = address(); // the feed that is shown
  let shown = find("event").dataset.event;
  let opener; // the row or the mark that opened it

  const ROW = "[role=feed] article.row";
  const MARK = "a.mark"; // on a lane, the oldest first
  const TITLE = ".row a.object, .run-row a.object";
  const every = (selector, root = document) => [...root.querySelectorAll(selector)];
  const idOf = (one) => one.id.slice(3) || one.getAttribute("href").slice(-37, -1);
  /** What stands for the event ID on the page: what opened it, else its row, else its mark. */
  const spot = (id) => (opener?.isConnected && idOf(opener) === id ? opener
    : find(`ev-${id}`) ?? every(MARK).find((one) => idOf(one) === id));
  const group = (row) => document.querySelector(`.g${row?.dataset.in}`);

  const load = (swap) => htmx.ajax("GET", `/activities/${shown}/`, { source: "#event", target: "#event", swap });
  const mark = () => {
    for (const one of every(`${ROW}, ${MARK}`)) one.ariaCurrent = idOf(one) === shown || null;
  };

  /** Show what the address names. */
  const sync = () => {
    const box = find("drawer");
    const before = shown;
    list = address();
    shown = named();
    mark();
    if (!shown) {
      box.close();
      const back = before && spot(before);
      (back?.checkVisibility() ? back : group(back)?.parentElement)?.focus();
      return;
    }
    find("drawer-page").href = `/activities/${shown}/`;
    find("drawer-close").href = list;
    const at = spot(shown);
    if (group(at)) group(at).open = true;
    at?.scrollIntoView({ block: "nearest" });
    if (!box.open || narrow.matches > box.matches(":modal")) {
      box.removeAttribute("open");
      box[narrow.matches ? "showModal" : "show"]();
      box.focus();
    }
    if (shown === before) return;
    find("event").replaceChildren();
    load("innerHTML");
  };
  const open = (one) => {
    opener = one;
    const state = { htmx: true, drawer: !shown || history.state?.drawer };
    history[shown ? "replaceState" : "pushState"](state, "", address(idOf(one)));
    sync();
  };
  const close = () => {
    if (history.state?.drawer) return history.back();
    history.replaceState(history.state, "", list);
    sync();
  };
  const step = (by) => {
    const from = spot(shown);
    const lane = from?.closest("svg");
    const all = lane ? every(MARK, lane).reverse() : every(ROW).filter((row) => row === from || row.checkVisibility());
    const to = all[all.indexOf(from) + by];
    if (to) open(to);
  };

  const on = (name, run) => document.addEventListener(name, run, name === "close");
  const onText = ({ target, clientX: x, clientY: y }) => {
    const range = document.createRange();
    range.selectNodeContents(target);
    return [...range.getClientRects()].some((box) => x > box.left && x < box.right && y > box.top && y < box.bottom);
  };
  let waits = 0;
  const plain = (event) => !event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  on("click", (event) => {
    const at = (selector) => plain(event) && event.target.closest(selector);
    const row = at(ROW);
    const spotted = at(`${MARK}, ${TITLE}`);
    const does = at("#drawer-close, #drawer [data-step]");
    if (does || spotted) {
      event.preventDefault();
      if (spotted) open(row || spotted);
      else if (does.dataset.step) step(+does.dataset.step);
      else close();
    } else if (row && !at("a, button, summary, input, label") && getSelection().isCollapsed) {
      if (onText(event)) waits = setTimeout(open, TWICE, row); // the list must not move under a second click
      else open(row);
    }
  });
  on("mousedown", () => clearTimeout(waits));
  on("keydown", (event) => {
    if (!shown || !plain(event) || event.target.closest("details.menu[open], pre, input")) return;
    if (event.key === "Escape" && !document.querySelector(":modal")) close();
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by || !event.target.closest("#drawer")) return;
    event.preventDefault();
    step(by);
  });
  on("close", ({ target }) => { if (target.id === "drawer" && named()) close(); });
  on("row:open", (event) => { event.preventDefault(); open(event.target); });
  on("rows:changed", ({ detail }) => { if (shown && (detail?.includes(shown) ?? true)) load("innerMorph"); });
  addEventListener("popstate", () => { if (address() === list) sync(); });
  window.navigation?.addEventListener("navigate", (event) => { // the list stays where it is
    if (event.navigationType !== "traverse" || !event.canIntercept || address("", event.destination.url) !== list) return;
    event.intercept({ scroll: "manual", focusReset: "manual" });
  });
  on("htmx:before:history:restore", (event) => { if (address() === list) event.preventDefault(); });
  on("htmx:after:history:push", sync);
  on("htmx:after:swap", ({ target }) => (target === document.body ? sync : mark)()); // all of it: the way back
  sync();
})();

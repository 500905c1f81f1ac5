// What runs, between two answers of the server: its seconds pass, its bar glides, a silence shows
// when it begins, and followed builds stand in the title. The words are those of feeds/running.py.
(() => {
  "use strict";
  const { icon, rows: rowsAddress } = document.currentScript.dataset;
  const TICK = 500; // milliseconds: at most two changes a second
  const CHECK = 15e3; // between two questions after followed builds
  const STRIP = 30e3; // between two looks at what is in progress, if nothing tells of a change
  const SOON = 1e3; // after something told of one
  const FULL = 600; // that a bar stays full at its end
  const KEPT = 24 * 3600e3; // that a build is followed
  const MOST = 50; // ids of one question
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const plain = document.querySelector("link[rel=icon]")?.getAttribute("href");

  const recall = (name) => { try { return JSON.parse(localStorage.getItem(name)); } catch { return null; } };
  const keep = (name, value) => { try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* until the next page */ } };
  const ask = async (address) => {
    try {
      const response = await fetch(address, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
      if (!response.ok) return null;
      const holder = document.createElement("template");
      holder.innerHTML = await response.text();
      return holder.content;
    } catch {
      return null; // without a network the page stays as it is; live.js says so
    }
  };

  // ---- seconds

  const two = (number) => String(number).padStart(2, "0");
  const clock = (seconds) => {
    const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600), Math.floor(seconds / 60)];
    if (days) return `${days} d ${hours % 24} h`;
    return hours ? `${hours}:${two(minutes % 60)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  };
  const span = (seconds) => {
    for (const [unit, word] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
      if (seconds >= unit) return `${Math.floor(seconds / unit)} ${word}`;
    }
    return `${seconds} s`;
  };
  const left = (low, high) => {
    if (high <= 0) return "";
    if (high < 60) return "less than 1 min left";
    const [unit, word] = high >= 7200 ? [3600, "h"] : [60, "min"];
    const [least, most] = [Math.floor(Math.max(low + unit / 2, 0) / unit), Math.floor((high + unit / 2) / unit)];
    if (least === most) return `about ${most} ${word} left`;
    return least ? `${least}\u2013${most} ${word} left` : `up to ${most} ${word} left`;
  };
  const words = ({ run, percent, takes }, elapsed) => {
    const [low, usual, high] = (takes ?? "").split(" ").map(Number);
    const end = takes ? (run === "running" && left(low - elapsed, high - elapsed)) || `usually ${span(usual)}` : "";
    return [run !== "running" && percent && `${percent} %`, clock(elapsed), end].filter(Boolean).join(", ");
  };

  const seen = new WeakMap(); // when the seconds of a text were counted
  const secondsOf = (text) => {
    let known = seen.get(text);
    if (known?.elapsed !== text.dataset.elapsed || known.changes !== text.dataset.changes) {
      known = { elapsed: text.dataset.elapsed, changes: text.dataset.changes, at: performance.now() };
      seen.set(text, known);
    }
    return Math.floor((performance.now() - known.at) / 1000);
  };
  const paused = () => document.querySelector(".live[data-live=false]") !== null; // then nothing moves
  const asked = new Map(); // rows whose silence changes their words, and when we asked for them
  const tick = () => {
    if (document.hidden || paused()) return;
    const due = [];
    for (const text of document.querySelectorAll(".run[data-elapsed]")) {
      const passed = secondsOf(text);
      const now = words(text.dataset, Number(text.dataset.elapsed) + passed);
      if (text.textContent !== now) text.textContent = now;
      if (text.dataset.changes && passed > Number(text.dataset.changes)) due.push(text);
    }
    if (due.length) lookAgain(due);
  };

  /** Draw rows again that no news reached: what they say of their silence is no longer true. */
  const lookAgain = async (texts) => {
    const late = texts.map((text) => text.closest("article[data-runs]")?.dataset.runs).filter(Boolean)
      .filter((id) => performance.now() - (asked.get(id) ?? -STRIP) >= STRIP).slice(0, MOST);
    lookAtStrip();
    if (!late.length) return;
    for (const id of late) asked.set(id, performance.now());
    const fresh = await ask(`${rowsAddress}?ids=${late}`);
    for (const row of fresh?.querySelectorAll("article") ?? []) {
      const old = document.getElementById(row.id);
      if (!old || old.contains(document.activeElement) || old.querySelector("details[open]")) continue;
      row.ariaPosInSet = old.ariaPosInSet;
      old.replaceWith(row);
    }
  };

  // ---- bars: a row is drawn anew, but its bar goes on from where it was

  const reached = new Map(); // percent, by the id of the row
  const glide = (holder) => {
    const bar = holder.querySelector(":scope > progress.progress:not(.full)");
    const before = reached.get(holder.id);
    if (!bar) {
      reached.delete(holder.id);
      if (before !== undefined && holder.querySelector(".tone-success")) fill(holder, before);
    } else if (bar.hasAttribute("value")) {
      const now = Number(bar.getAttribute("value"));
      reached.set(holder.id, now);
      if (before < now && !calm.matches) move(bar, before, now);
    }
  };
  const move = (bar, from, to) => {
    bar.value = from;
    requestAnimationFrame(() => requestAnimationFrame(() => { bar.value = to; }));
  };
  const fill = (holder, from) => {
    if (calm.matches) return;
    const bar = Object.assign(document.createElement("progress"), { className: "progress full", max: 100 });
    bar.setAttribute("aria-hidden", "true");
    holder.append(bar);
    move(bar, from, 100);
    setTimeout(() => bar.remove(), 400 + FULL);
  };

  // ---- following

  const followed = () => {
    const all = Object.entries(recall("followed") ?? {});
    return new Map(all.filter(([, since]) => Date.now() - since < KEPT).slice(-MOST));
  };
  const running = new Set(); // of the followed, as we know
  const setFollowed = (change) => {
    const all = followed();
    change(all);
    keep("followed", Object.fromEntries(all));
    drawFollowed();
  };
  const drawFollowed = () => {
    const all = followed();
    for (const button of document.querySelectorAll("[data-follow]")) {
      const on = all.has(button.dataset.follow);
      if (button.getAttribute("aria-pressed") === `${on}`) continue;
      button.setAttribute("aria-pressed", `${on}`);
      button.querySelector("span").textContent = on ? "Following" : "Follow";
    }
    const count = [...running].filter((id) => all.has(id)).length;
    const title = document.title.replace(/^\(\d+ running\) /, "");
    const wanted = count ? `(${count} running) ${title}` : title;
    if (document.title !== wanted) document.title = wanted;
    const link = document.querySelector("link[rel=icon]");
    const drawn = count ? icon : plain;
    if (link && link.getAttribute("href") !== drawn) link.setAttribute("href", drawn);
  };
  /** Learn from ROOT, the page or an answer, how followed builds stand; tell which have ended. */
  const learn = (root) => {
    const ended = [];
    for (const id of followed().keys()) {
      if (root.querySelector(`[data-runs="${id}"]`)) running.add(id);
      const row = root.querySelector(`[id="ev-${id}"]`);
      if (!row || row.dataset.runs) continue;
      running.delete(id);
      ended.push(id);
      const said = [".object", ".pill"].map((part) => row.querySelector(part)?.textContent.trim());
      document.getElementById("announce").textContent = said.filter(Boolean).join(": ");
    }
    if (ended.length) setFollowed((all) => ended.forEach((id) => all.delete(id)));
    drawFollowed();
  };
  const check = async () => {
    const ids = [...followed().keys()];
    const answer = ids.length ? await ask(`${rowsAddress}?ids=${ids}`) : null;
    if (answer) learn(answer);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-follow]");
    if (!button) return;
    const id = button.dataset.follow;
    running.add(id); // else it would have no button
    setFollowed((all) => { if (!all.delete(id)) all.set(id, Date.now()); });
  });

  // ---- the strip of what is in progress

  let strip = performance.now(); // when it was drawn
  let soon = 0;
  const idsOf = (holder) => [...holder.querySelectorAll("[data-runs]")].map((row) => row.id).join();
  const lookAtStrip = (wait = SOON) => {
    if (soon || paused() || !document.getElementById("running")) return;
    soon = setTimeout(async () => {
      const old = document.getElementById("running");
      const answer = old && !document.hidden && !paused() ? await ask(old.dataset.address) : null;
      soon = 0;
      strip = performance.now();
      const fresh = answer?.querySelector("#running");
      if (fresh && old.isConnected) drawStrip(old, fresh);
    }, wait);
  };
  const drawStrip = (old, fresh) => {
    const list = document.querySelector("#feed [role=feed]");
    const taller = idsOf(old) !== idsOf(fresh);
    const read = list?.matches(":hover") || list?.contains(document.activeElement) || old.matches(":hover");
    if (taller && read) return lookAtStrip(5 * SOON); // what the pointer is on must not move
    const within = old.contains(document.activeElement) && document.activeElement;
    const again = within?.dataset?.follow;
    const first = [...(list?.children ?? [])].find((row) => row.getBoundingClientRect().bottom > 0);
    const top = scrollY > 8 ? first?.getBoundingClientRect().top : undefined;
    old.replaceWith(fresh);
    shut(fresh);
    drawFollowed();
    if (within) (fresh.querySelector(again ? `[data-follow="${again}"]` : "summary") ?? list)?.focus({ preventScroll: true });
    if (top !== undefined) scrollBy({ top: first.getBoundingClientRect().top - top, behavior: "instant" });
  };
  const shut = (root) => {
    const details = root.querySelector("details.running");
    if (details && recall("running") === "shut") details.open = false;
  };
  document.addEventListener("toggle", (event) => {
    if (event.target.matches("details.running")) keep("running", event.target.open ? "open" : "shut");
  }, true);

  // ---- what others draw

  const holders = (node) => [...(node.matches("article, .run-row") ? [node] : []), ...node.querySelectorAll("article, .run-row")];
  new MutationObserver((changes) => {
    let rows = false;
    for (const node of changes.flatMap((change) => [...change.addedNodes])) {
      if (node.nodeType !== Node.ELEMENT_NODE || node.matches("progress, span")) continue;
      if (node.querySelector("details.running")) shut(node);
      for (const holder of holders(node)) {
        const ran = reached.has(holder.id);
        glide(holder);
        rows ||= holder.matches("article") && (ran || "runs" in holder.dataset);
      }
    }
    if (!rows) return;
    learn(document);
    lookAtStrip();
  }).observe(document.getElementById("main"), { childList: true, subtree: true });

  for (const holder of holders(document.getElementById("main"))) glide(holder);
  shut(document);
  learn(document);
  check();
  setInterval(tick, TICK);
  setInterval(check, CHECK);
  setInterval(() => { if (performance.now() - strip >= STRIP) lookAtStrip(0); }, SOON);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { tick(); lookAtStrip(0); } });
  addEventListener("storage", (event) => { if (event.key === "followed") { learn(document); check(); } });
})();

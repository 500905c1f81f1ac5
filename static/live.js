// A feed that is open, kept up to date. The stream only says that something is new or has changed;
// the rows come from the address that a reconnect, a poll and a click ask too, so there is one way
// in which they can be right. Without it the page is as it was when it was loaded.
(() => {
  "use strict";
  const TOP = 8; // pixels; whoever has scrolled further reads, and their page must not move
  const CAP = 300; // rows
  const AT_ONCE = 50; // rows of one answer, ids of one question, and the most that the pill counts
  const GATHER = 250; // milliseconds for hints to become one question
  const BETWEEN = 1000; // between two questions
  const PATIENCE = 20e3; // for an answer
  const HIDDEN = 30e3; // that a stream outlives the sight of its page
  const SILENCE = 45e3; // three pings: the stream is dead, though nobody said so
  const FIRST_RETRY = 500;
  const LAST_RETRY = 30e3;
  const POLL = 15e3; // and as much again by chance
  const FLICKER = 3e3; // a loss that is over by then is not worth a word
  const SAY = 10e3; // between two announcements
  const TRIES = 3; // without a stream, then the page polls and says so
  const LAST_ID = "9223372036854775807";

  const chance = () => Math.random();
  const clock = (moment) => new Date(moment).toLocaleTimeString("en-GB", { timeZone: document.documentElement.dataset.zone });
  const busy = (node) => node.contains(document.activeElement) || Boolean(node.querySelector("details[open]"));
  const momentOf = (row) => row.querySelector("time").getAttribute("datetime");
  /** The place of a row: when it happened, as it said when it came. It stays there when it changes. */
  const placeOf = (row) => (row.dataset.at ??= momentOf(row));

  // ---- one row becomes another
  /** Make OLD like FRESH, around what has the focus or is open. */
  const morph = (old, fresh) => {
    if (old.isEqualNode(fresh)) return;
    if (!busy(old)) return old.replaceWith(fresh);
    for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
    if (old === document.activeElement) return old.replaceChildren(...fresh.childNodes);
    const kept = [...old.children].find(busy);
    const twin = [...fresh.children].find((one) => one.tagName === kept.tagName && one.classList[0] === kept.classList[0]);
    if (!kept || !twin) return; // what they hold on to is gone: the next load shows it
    const nodes = [...fresh.childNodes];
    const at = nodes.indexOf(twin);
    for (const node of [...old.childNodes]) if (node !== kept) node.remove();
    kept.before(...nodes.slice(0, at));
    kept.after(...nodes.slice(at + 1));
    morph(kept, twin);
  };

  // ---- the feed of a page

  const follow = (root) => {
    const feed = root.closest("#feed");
    const list = feed.querySelector("[role=feed]");
    const chip = root.querySelector(".live-chip");
    const pill = feed.querySelector("#live-new");
    const address = new URL(root.dataset.rows, location.href);
    const first = "first" in root.dataset; // others show no new rows, only changes
    const leaving = new AbortController();

    const waiting = new Map(); // rows that are fetched and not shown
    const changed = new Set(); // ids to ask for
    const doubts = new Map(); // rows of the first page that no answer brought
    let seq = Number(root.dataset.seq); // everything up to here is on the page, or waits
    let reach = 0; // where seq goes when an answer in parts is complete
    let below = ""; // where the next part begins
    let news = false; // there may be rows above seq
    let prove = false; // compare with the first page: a gap is behind us
    let many = false; // more wait than is worth fetching
    let held = false; // what comes now was missed: it waits
    let missed = 0;
    let untold = 0;

    let link = "new"; // new, open, lost, asleep, ended
    let source = null;
    let failures = 0;
    let answered = true; // the last question was
    let lostAt = 0;
    let caughtUp = Date.now();
    let asking = false;
    let asked = 0; // when
    const timers = {};
    let live = true;
    try { live = localStorage.getItem("live") !== "off"; } catch { /* it is on */ }

    const later = (name, wait, run) => {
      clearTimeout(timers[name]);
      timers[name] = setTimeout(() => { delete timers[name]; run(); }, wait);
    };
    const drop = (name) => { clearTimeout(timers[name]); delete timers[name]; };
    const rows = () => [...list.querySelectorAll(":scope > article")]; // the heads of groups too
    const row = (id) => list.querySelector(`:scope > [id="${id}"]`);

    // ---- what the reader sees

    const idle = () => live && !held && !many && !waiting.size && scrollY <= TOP
      && !document.hidden && getSelection().isCollapsed
      && !(list.hidden ? feed.querySelector(".empty") : list)?.matches(":hover")
      && !list.contains(document.activeElement)
      && !document.querySelector("details.menu[open], dialog[open]");

    const counted = () => [...list.querySelectorAll("a[href^='/?']")].join(); // by facets and bars: all values of the rows
    /** Change the list, leave what is read where it is on the screen, and tell explore.js if numbers are others now. */
    const still = (change) => {
      const before = counted();
      const anchor = scrollY > TOP ? rows().find((one) => one.getBoundingClientRect().bottom > 0) : null;
      const top = anchor?.getBoundingClientRect().top;
      list.setAttribute("aria-busy", "true");
      change();
      rows().forEach((one, at) => { if (one.ariaPosInSet !== `${at + 1}`) one.ariaPosInSet = `${at + 1}`; });
      list.setAttribute("aria-busy", "false");
      const now = anchor?.isConnected ? anchor : anchor && row(anchor.id);
      if (now) scrollBy({ top: now.getBoundingClientRect().top - top, behavior: "instant" });
      if (counted() === before) return;
      root.dataset.moved = Date.now();
      root.dispatchEvent(new Event("rows:moved", { bubbles: true }));
    };

    const show = (articles) => {
      if (!articles.length) return;
      list.hidden = false;
      for (const nothing of feed.querySelectorAll(".empty")) nothing.remove();
      still(() => {
        for (const article of articles.reverse()) { // the last comes first: of two at once, above
          insert(article, placeOf(article));
          article.classList.add("arrived");
          article.addEventListener("animationend", () => article.classList.remove("arrived"));
        }
        trim();
      });
    };

    const trim = () => {
      if (list.children.length <= CAP) return;
      for (const one of rows().reverse()) {
        if (list.children.length <= CAP) break;
        if (busy(one) || one.ariaCurrent) continue;
        one.remove();
        const moved = momentOf(one); // with a change; by now it belongs higher than it stood
        if (moved > placeOf(last())) insert(one, (one.dataset.at = moved));
      }
      pointOlder(placeOf(last()));
    };
    const last = () => rows().findLast((one) => !busy(one) && !one.ariaCurrent) ?? rows().at(-1);
    const insert = (article, at) => {
      const below = rows().find((one) => placeOf(one) <= at) ?? null;
      list.insertBefore(article, below?.previousElementSibling?.closest(".visit") ?? below); // never between line and row
    };

    /** Let "Older" begin at MOMENT, where the list now ends. */
    const pointOlder = (moment) => {
      const [, second, part = ""] = /^(.{19})(?:\.(\d+))?/.exec(moment);
      const to = new URL(location.href); to.searchParams.delete("event");
      to.searchParams.set("before", `${Date.parse(`${second}Z`) / 1000}${part.padEnd(6, "0")}_${LAST_ID}`);
      let link = feed.querySelector(".pager [rel=next]");
      if (!link) {
        list.insertAdjacentHTML("afterend", '<nav class="pager" aria-label="Pages of the feed"><a class="btn" rel="next">Older</a></nav>');
        link = feed.querySelector(".pager [rel=next]");
      }
      link.href = to.pathname + to.search;
      if (link.hasAttribute("hx-get")) link.setAttribute("hx-get", link.href);
    };

    const showWaiting = () => {
      if (many) return reload();
      const articles = [...waiting.values()].sort((one, other) => (placeOf(one) < placeOf(other) ? 1 : -1));
      waiting.clear();
      scrollTo({ top: 0, behavior: "instant" });
      show(articles);
      draw();
    };
    const reload = () => htmx.ajax("GET", location.pathname + location.search, { target: "#feed", swap: "innerHTML" })
      .then(() => scrollTo({ top: 0, behavior: "instant" }));

    const announce = (count) => {
      untold += count;
      if (timers.say || !untold) return;
      document.getElementById("announce").textContent = untold > 1 ? `${untold} new events` : "1 new event";
      untold = 0;
      later("say", SAY, () => announce(0));
    };

    const state = () => {
      const count = many ? `${AT_ONCE}+` : waiting.size;
      if (link === "ended") return ["ended", "Session ended, sign in"];
      if (link === "lost" && (!navigator.onLine || (failures >= TRIES && !answered))) {
        return ["offline", `Offline, data to ${clock(caughtUp)}, Retry`];
      }
      if (!live) return ["paused", count ? `Paused, ${count} waiting` : "Paused"];
      if (link === "lost" && failures >= TRIES) return ["polling", "Polling"];
      if (link === "lost" && Date.now() - lostAt >= FLICKER) return ["lost", "Reconnecting…"];
      return ["live", "Live"];
    };
    const draw = () => {
      const [name, text] = state();
      const does = { offline: "tries at once", ended: "leads to the sign-in page", paused: "goes on" }[name] ?? "pauses";
      Object.assign(root.dataset, { link, live });
      chip.dataset.state = name;
      chip.querySelector("span").textContent = text;
      chip.title = `Caught up to ${seq}, ${missed} missed. A click ${does}.`;
      pill.textContent = `${many ? `${AT_ONCE}+` : waiting.size} new`;
      pill.hidden = pill.textContent === "0 new";
    };

    // ---- questions and answers

    const wanted = () => (news && first && !many) || changed.size > 0 || prove;
    const soon = (wait = GATHER) => {
      if (asking || timers.ask || !wanted() || !["open", "new"].includes(link)) return;
      later("ask", Math.max(wait, asked + BETWEEN - Date.now()), ask);
    };

    /** Put the next question; tells whether it was answered. */
    const ask = async () => {
      drop("ask");
      asking = true;
      asked = Date.now();
      const kind = next();
      try {
        const response = await fetch(kind.to, { signal: AbortSignal.timeout(PATIENCE) });
        if (leaving.signal.aborted) return false;
        if ([401, 403].includes(response.status)) return end();
        if (!response.ok) throw new Error(response.status);
        const box = document.createElement("template");
        box.innerHTML = await response.text();
        if (leaving.signal.aborted) return false;
        take([...box.content.querySelectorAll("article")], response.headers, kind);
        answered = true;
        caughtUp = asked;
      } catch {
        if (leaving.signal.aborted) return false;
        for (const id of kind.ids) changed.add(id);
        if (kind.after) news = true;
        if (kind.first) prove = true;
        answered = false;
        lose();
      } finally {
        asking = false;
      }
      draw();
      soon();
      return answered;
    };

    /** Take what is wanted most: what is new and what has changed, then the proof. */
    const next = () => {
      const to = new URL(address);
      const after = news && first && !many;
      const ids = [...changed].slice(0, AT_ONCE);
      for (const id of ids) changed.delete(id);
      if (after) {
        news = false;
        to.searchParams.set("after", seq);
        if (below) to.searchParams.set("below", below);
      }
      if (ids.length) to.searchParams.set("ids", ids.join(","));
      const nothing = !after && !ids.length;
      if (nothing) prove = false;
      return { to, after, ids, first: nothing };
    };

    const take = (articles, headers, kind) => {
      const fresh = [];
      const came = new Set();
      still(() => {
        for (const article of articles) {
          came.add(article.id);
          const shown = row(article.id);
          if (shown) swap(shown, article);
          else if (waiting.has(article.id)) waiting.set(article.id, article);
          else if (first && !isOlder(article)) fresh.push(article);
        }
        for (const id of kind.ids) if (!came.has(`ev-${id}`)) remove(`ev-${id}`);
      });
      if (kind.first) return doubt(fresh);
      if (kind.after && headers.has("X-Feed-More") && fresh.length === AT_ONCE) return overflow();
      bring(fresh);
      if (kind.after) advance(headers);
    };

    const swap = (shown, article) => {
      article.dataset.at = placeOf(shown);
      if (shown.dataset.in && !article.dataset.runs) article.dataset.in = shown.dataset.in;
      for (const name of ["ariaPosInSet", "ariaCurrent"]) article[name] = shown[name];
      morph(shown, article);
    };
    const remove = (id) => {
      const shown = row(id);
      waiting.delete(id);
      if (shown && !busy(shown) && !shown.ariaCurrent) shown.remove();
    };
    const isOlder = (article) => feed.querySelector(".pager [rel=next]") && placeOf(article) < placeOf(rows().at(-1) ?? article);

    /** Show FRESH rows, or let them wait. */
    const bring = (fresh) => {
      announce(fresh.length);
      if (idle()) show(fresh);
      else for (const article of fresh) waiting.set(article.id, article);
      if (waiting.size > AT_ONCE) overflow();
    };
    const overflow = () => { many = true; news = false; waiting.clear(); };

    /** Move on to where the answer reaches, or to its next part. */
    const advance = (headers) => {
      if (!below) reach = Number(headers.get("X-Feed-Seq"));
      below = headers.get("X-Feed-More") ?? "";
      if (below) { news = true; return; }
      seq = Math.max(seq, reach);
      root.dataset.seq = seq;
      held = false;
      if (doubts.size) settleDoubts();
    };

    // The proof after a gap: the first page must hold nothing that did not come. What is unknown of
    // it may just be newer than the last answer, so one more question tells.
    const doubt = (fresh) => {
      for (const article of fresh) doubts.set(article.id, article);
      if (doubts.size) news = true;
    };
    const settleDoubts = () => {
      const lacking = [...doubts.values()].filter(({ id }) => !row(id) && !waiting.has(id));
      doubts.clear();
      missed += lacking.length;
      bring(lacking);
    };

    // ---- the stream

    const recheck = () => {
      for (const { id } of [...rows(), ...waiting.values()]) if (id) changed.add(id.slice("ev-".length));
      news = true; tell();
    };
    const tell = (detail) => document.dispatchEvent(new CustomEvent("rows:changed", { detail }));
    const shut = () => { source?.close(); source = null; drop("watch"); drop("ask"); };
    const alive = () => {
      later("watch", SILENCE, lose);
      if (link === "open") return;
      prove = first && link === "lost";
      link = "open";
      failures = 0;
      recheck(); // whatever came between the last answer and this event, the stream did not tell
      soon(0);
      draw();
    };
    const heard = {
      ping: () => {},
      hint: () => { news = true; }, // how many, the answer knows: a hint may count what is shown already
      row: (data) => { tell(data.ids); for (const id of data.ids) if (first || row(`ev-${id}`)) changed.add(id); },
      bye: (data) => { shut(); link = "lost"; lostAt = Date.now(); later("retry", data.retry_ms, connect); },
    };
    const open = () => {
      shut();
      source = new EventSource(`/live/feed${address.search}`);
      source.addEventListener("error", lose);
      for (const [name, react] of Object.entries(heard)) {
        source.addEventListener(name, ({ data }) => {
          if (name !== "bye") alive();
          react(JSON.parse(data));
          soon();
          draw();
        });
      }
      later("watch", SILENCE, lose);
    };

    /** Ask for what was missed, then listen. */
    const connect = async () => {
      drop("retry");
      if (link === "ended") return;
      if (asking) return later("retry", BETWEEN, connect);
      recheck();
      if (await ask()) open();
    };
    const lose = () => {
      shut();
      if (link === "ended" || link === "asleep") return;
      if (link !== "lost") lostAt = Date.now();
      link = "lost";
      failures += 1;
      const backOff = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** (failures - 1)) * (0.7 + 0.6 * chance());
      later("retry", failures >= TRIES && answered ? POLL + POLL * chance() : backOff, connect);
      later("flicker", FLICKER, draw);
      draw();
    };
    const end = () => {
      shut();
      for (const name of Object.keys(timers)) drop(name);
      link = "ended";
      draw();
      return false;
    };

    // ---- the reader

    const sleep = () => { shut(); drop("retry"); if (link !== "ended") link = "asleep"; };
    const wake = () => {
      drop("sleep");
      if (link !== "asleep") return;
      [held, link] = [true, "lost"];
      lostAt = Date.now();
      connect();
    };
    const press = () => {
      const [name] = state();
      if (name === "ended") location.assign(`${root.dataset.signIn}?next=${encodeURIComponent(location.pathname + location.search)}`);
      else if (name === "offline") connect();
      else {
        live = !live;
        try { localStorage.setItem("live", live ? "on" : "off"); } catch { /* it lasts until the next page */ }
        if (live && (many || waiting.size)) showWaiting();
        draw();
      }
    };
    const pressPill = (event) => {
      showWaiting();
      if (event.detail) feed.focus({ preventScroll: true }); // the pill is gone; a key goes on in the rows
      else rows()[0]?.focus({ preventScroll: true });
    };
    const on = (target, name, run) => target.addEventListener(name, run, { signal: leaving.signal });
    on(chip, "click", press);
    on(pill, "click", pressPill);
    on(document, "keydown", (event) => {
      const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
      if (event.key !== "." || typing || document.documentElement.dataset.keys || event.ctrlKey || event.metaKey || event.altKey || pill.hidden) return;
      event.preventDefault();
      pill.click();
    });
    on(document, "visibilitychange", () => (document.hidden ? later("sleep", HIDDEN, sleep) : wake()));
    on(window, "online", () => { if (link === "lost") connect(); });
    on(window, "offline", lose);
    on(window, "pagehide", sleep);
    on(window, "pageshow", (event) => { if (event.persisted) wake(); });

    draw();
    open();
    return () => { leaving.abort(); shut(); for (const name of Object.keys(timers)) drop(name); };
  };

  // ---- htmx brings other lists

  let shown = null;
  let leave = () => {};
  const begin = () => {
    const root = document.querySelector("#feed [data-rows]");
    if (root === shown) return;
    leave();
    shown = root;
    leave = root ? follow(root) : () => {};
  };
  document.addEventListener("htmx:after:swap", begin);
  begin();
})();

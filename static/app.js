// What the pages do beyond HTML: everything works without it.
(() => {
  "use strict";
  const root = document.documentElement;
  const sprite = () => document.querySelector("#theme use").getAttribute("href").split("#")[0];

  // ---- theme: system, light, dark, system ...
  const icons = { system: "monitor", light: "sun", dark: "moon" };
  const drawTheme = () => {
    const button = document.getElementById("theme");
    if (!button) return;
    const theme = root.dataset.theme || "system";
    button.title = `Theme: ${theme}`;
    button.setAttribute("aria-label", button.title);
    button.querySelector("use").setAttribute("href", `${sprite()}#${icons[theme]}`);
  };
  const unsent = () => { try { return localStorage.getItem("theme-sent"); } catch { return null; } };
  /** Let the theme go with who has signed in; until it has arrived, theme.js believes this browser. */
  let chosen, sending;
  const sendTheme = async (theme) => {
    chosen = theme;
    try { localStorage.setItem("theme-sent", theme); } catch { /* then the server is believed */ }
    if (sending) return;
    const headers = { "Content-Type": "application/json", "X-CSRFToken": document.querySelector("meta[name=csrf-token]").content };
    for (; sending !== chosen; ) { // one at a time: the last choice is the last to arrive
      sending = chosen;
      const body = JSON.stringify({ preferences: { theme: sending } });
      const { ok } = await fetch("/api/v1/me", { method: "PATCH", keepalive: true, headers, body }).catch(() => ({}));
      if (ok && unsent() === sending) localStorage.removeItem("theme-sent");
    }
    sending = null;
  };
  const nextTheme = () => {
    const order = ["system", "light", "dark"];
    const theme = order[(order.indexOf(root.dataset.theme || "system") + 1) % order.length];
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    try { localStorage.setItem("theme", theme); } catch { /* it lasts until the next page */ }
    if ("member" in root.dataset) sendTheme(theme);
    drawTheme();
  };

  // ---- copy buttons
  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    const label = button.querySelector("span");
    try {
      await navigator.clipboard.writeText(source.textContent);
      label.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source); // no clipboard without https: Ctrl+C does it
      label.textContent = "Selected";
    }
    setTimeout(() => { label.textContent = "Copy"; }, 2000);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.id === "theme") nextTheme();
    if (button?.dataset.copy) copy(button);
    if (!event.detail) return; // Enter in an input "clicks" the submit button: the menu stays
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  // ---- Alt or Shift, and a click on a value: everything but that; on a filter in force: its opposite
  document.addEventListener("click", (event) => {
    if (!(event.altKey || event.shiftKey) || event.ctrlKey || event.metaKey) return;
    const at = (selector) => event.target.closest(selector);
    const chip = at(".chip");
    const link = chip ?? at("[data-only], .pill[href], :is(.row, .run-row, .facts, .story) a[href^='/?']");
    if (!link) return;
    event.preventDefault();
    if (chip) return chip.matches(".out") || chip.querySelector(".flip")?.click();
    const [name, value] = [...new URLSearchParams(link.dataset.only ?? link.search)].pop();
    const asked = new URLSearchParams(document.querySelector(".live[data-rows]")?.dataset.rows.split("?")[1]);
    const out = `-${value.replace(/^\\/, "")}`;
    const kept = asked.getAll(name).filter((one) => one !== value && one !== out);
    asked.delete(name);
    for (const one of [...kept, out]) asked.append(name, one);
    location.assign(`/?${asked}`);
  });

  // ---- a script that only one part needs comes with its focus, with the pointer, or with new rows in it
  const bring = (target) => {
    const src = target.closest?.("[data-script]")?.dataset.script;
    if (!src || document.querySelector(`script[src="${src}"]`)) return;
    document.head.append(Object.assign(document.createElement("script"), { src }));
  };

  // ---- the feed by keyboard, as the ARIA pattern has it; Esc closes a menu
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = document.activeElement?.closest("details.menu[open]");
      if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
    }
    const row = document.activeElement?.closest("[role=feed] > article");
    if (!row) return;
    let to = null;
    const rows = [...row.parentElement.querySelectorAll(":scope > article")].filter((one) => one.checkVisibility());
    if (event.key === "PageDown") to = rows[rows.indexOf(row) + 1];
    else if (event.key === "PageUp") to = rows[rows.indexOf(row) - 1];
    else if (event.ctrlKey && event.key === "End") to = document.querySelector(".pager a");
    else if (event.ctrlKey && event.key === "Home") to = document.querySelector("#f-query, #f-q");
    if (!to) return;
    event.preventDefault();
    to.focus();
  });

  // ---- htmx
  document.addEventListener("htmx:config:request", (event) => {
    const { request } = event.detail.ctx;
    const token = document.querySelector("meta[name=csrf-token]")?.content;
    if (request.method.toUpperCase() !== "GET") {
      if (token) request.headers["X-CSRFToken"] = token;
    } else if (request.body instanceof FormData) { // an address without empty parameters
      for (const [name, value] of [...request.body]) if (value === "") request.body.delete(name);
    }
  });
  document.addEventListener("htmx:after:swap", ({ target }) => {
    if (target === document.body) drawTheme(); // the way back: the whole page is as the server drew it
    const feed = document.getElementById("feed");
    if (!feed || target.id === "event") return;
    const rows = feed.querySelectorAll("article.row").length;
    const error = feed.querySelector("#f-error");
    document.getElementById("announce").textContent = error ? "" : `${rows} events shown`;
    if (document.activeElement === document.body) feed.focus({ preventScroll: true });
  });

  for (const name of ["focusin", "pointerover", "rows:moved"]) document.addEventListener(name, ({ target }) => bring(target));
  bring(document.activeElement ?? document.body);
  drawTheme();
  if (unsent() && "member" in root.dataset) sendTheme(unsent()); // the page before was left too early
  document.querySelector("[data-focus]")?.focus();
})();

// What the query box suggests: the ARIA pattern of a combobox whose list the server writes.
(() => {
  "use strict";
  const PAUSE = 120; // milliseconds between a key and the question
  let timer = 0;
  let asking = null;
  const part = (id) => document.getElementById(id);
  const picked = () => part("f-options").querySelector("[aria-selected=true]");

  const show = (options) => {
    const [list, box] = [part("f-options"), part("f-query")];
    list.innerHTML = options;
    list.hidden = !list.childElementCount;
    box.setAttribute("aria-expanded", !list.hidden);
    box.removeAttribute("aria-activedescendant");
  };
  const close = () => {
    clearTimeout(timer);
    asking?.abort();
    show("");
  };
  const ask = async () => {
    const box = part("f-query");
    asking?.abort();
    asking = new AbortController();
    const asked = new URLSearchParams({ text: box.value, at: box.selectionStart });
    try {
      const answer = await fetch(`${box.dataset.suggestions}?${asked}`, asking);
      show(answer.ok ? await answer.text() : "");
    } catch { /* asked again, or nobody answers: the box works without */ }
  };
  const pick = (option) => {
    picked()?.setAttribute("aria-selected", "false");
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    part("f-query").setAttribute("aria-activedescendant", option.id);
  };
  const take = (option) => {
    const box = part("f-query");
    const { text, at } = option.dataset;
    box.value = text;
    box.setSelectionRange(at, at);
    close();
    if (text[at - 1] === ":") ask();
  };

  const heed = (box) => {
    if (box.id !== "f-query") return;
    clearTimeout(timer);
    if (/\S$/.test(box.value.slice(0, box.selectionStart))) timer = setTimeout(ask, PAUSE);
    else close();
  };
  document.addEventListener("input", ({ target }) => heed(target));
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (target.id !== "f-query" || event.isComposing) return;
    const options = [...part("f-options").children];
    const at = options.indexOf(picked());
    if (key === "ArrowDown" && !options.length) ask();
    else if (key === "ArrowDown") pick(options[(at + 1) % options.length]);
    else if (key === "ArrowUp" && options.length) pick(options.at(at > 0 ? at - 1 : -1));
    else if (key === "Enter" && at >= 0) take(options[at]);
    else if (key === "Escape" && options.length) close();
    else return void (key === "Enter" && close());
    event.preventDefault();
  });
  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest("#f-options [role=option]");
    if (!option) return;
    event.preventDefault(); // the focus stays in the box
    take(option);
  });
  document.addEventListener("focusout", ({ target }) => { if (target.id === "f-query") close(); });
  const box = part("f-query"); // app.js asked for this file when the box got the focus
  if (box === document.activeElement && box.value !== box.defaultValue) heed(box);
})();

// Shortcuts of a single letter; strangers, who cannot switch them off, have them in the list alone.
(() => {
  const { dataset } = document.documentElement;
  const find = (selector) => document.querySelector(selector);
  const row = () => document.activeElement.closest("[role=feed] > article");
  let g; // when it was pressed

  const step = (way) => {
    const rows = [...document.querySelectorAll("[role=feed] > article")].filter((one) => one.checkVisibility());
    const at = rows.indexOf(row());
    rows[at < 0 ? rows.findIndex((one) => one.getBoundingClientRect().bottom > 0) : at + way]?.focus();
  };
  const toggle = () => {
    const group = row() && (find(`.g${row().dataset.in}`) ?? row().querySelector("details"));
    if (group && !(group.open = !group.open)) group.parentElement.focus();
  };
  const open = () => {
    if (row()?.matches(".repeat")) toggle();
    else if (row()?.dispatchEvent(new CustomEvent("row:open", { bubbles: true, cancelable: true }))) row().querySelector("a.object, a.when").click();
  };
  const help = () => {
    const dialog = find("dialog.keys");
    for (const link of document.querySelectorAll("[data-key]")) KEYS[`g ${link.dataset.key}`] = [link.firstChild.data];
    dialog.querySelector("dl").innerHTML = Object.entries(KEYS).map(([key, [words]]) => `<dt><kbd>${key}</kbd></dt><dd>${words}</dd>`).join("");
    dialog.showModal();
  };
  const KEYS = {
    j: ["Next event", () => step(1)],
    k: ["Previous event", () => step(-1)],
    o: ["Open the event, as Enter does", open],
    x: ["Open or close a group of repeats", toggle],
    ".": ["Show new events"], // live.js
    "/": ["Search", () => find("#f-query, #f-q")?.focus()],
    "?": ["Show this list", help],
  };

  find("#keys").onclick = help;
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, textarea, select, [contenteditable]") || find("dialog:modal")) return;
    const enter = key === "Enter" && target === row();
    if (!enter && (dataset.keys || !("member" in dataset || row()))) return;
    const place = Date.now() - g < 1500 && find(`[data-key="${CSS.escape(key)}"]`);
    g = key === "g" && Date.now();
    const run = enter ? open : place ? () => place.click() : KEYS[key]?.[1];
    if (run) run(event.preventDefault());
  });
})();

// The form of composing: a draft in the browser, marks of what is wrong, and one press of Send.
(() => {
  "use strict";
  const SAVED_AFTER = 1000; // milliseconds after the last key
  const NOT_KEPT = ["csrfmiddlewaretoken", "was_kind", "was_component", "kind"];
  const keyOf = (form) => `draft ${form.dataset.draft}`;
  const form = () => document.querySelector("form[data-draft]:not([data-no-draft])");
  const store = {
    get(key) { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* full, or not allowed: no draft */ } },
    drop(key) { try { localStorage.removeItem(key); } catch { /* there is none */ } },
    keys() { try { return Object.keys(localStorage); } catch { return []; } },
  };

  // ---- the draft
  let timer = 0;
  const kept = (here) => [...new FormData(here)].filter(([name, value]) => !NOT_KEPT.includes(name) && typeof value === "string");
  const save = () => {
    const here = form();
    if (!here) return;
    store.set(keyOf(here), { values: kept(here), at: Date.now() });
  };
  document.addEventListener("input", (event) => {
    if (event.target.form !== form() || !form()) return;
    clearTimeout(timer);
    timer = setTimeout(save, SAVED_AFTER);
  });
  const drop = () => {
    const here = form();
    if (here) store.drop(keyOf(here));
    offer();
  };
  const offer = () => {
    const here = form(), box = document.getElementById("draft");
    if (!here || !box) return;
    const draft = store.get(keyOf(here));
    const now = new Map(kept(here));
    const other = draft?.values?.some(([name, value]) => name !== "identity" && now.get(name) !== value);
    box.hidden = !draft || !other || Boolean(document.querySelector(".summary"));
    if (draft) box.querySelector("[data-draft-when]").textContent = new Date(draft.at).toISOString().slice(0, 16).replace("T", " ") + " UTC";
  };
  const restore = () => {
    const here = form(), draft = store.get(keyOf(here));
    if (!draft) return;
    for (const box of here.querySelectorAll("input[type=checkbox]")) box.checked = false;
    for (const [name, value] of draft.values) {
      const field = here.elements.namedItem(name);
      if (!field || field instanceof RadioNodeList) continue;
      if (field.type === "checkbox") field.checked = true;
      else field.value = value;
    }
    document.getElementById("draft").hidden = true;
    here.querySelector(".field input, .field select").focus();
    here.dispatchEvent(new Event("input", { bubbles: true })); // the preview follows
  };
  const forget = () => { // what arrived is no draft any more
    const identity = document.querySelector("[data-composed]")?.dataset.composed;
    if (!identity) return;
    for (const key of store.keys()) {
      if (!key.startsWith("draft ")) continue;
      if (store.get(key)?.values?.some(([name, value]) => name === "identity" && value === identity)) store.drop(key);
    }
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-draft-restore]")) restore();
    if (event.target.closest("[data-draft-discard]")) drop();
    if (event.target.closest("#preview a")) event.preventDefault(); // it leads to what is not there yet
  });

  // ---- what is wrong, for those who do not see it
  const mark = (said) => {
    const field = document.getElementById(said.id.replace(/_error$/, ""));
    const wrong = said.textContent.trim() !== "";
    if (!wrong) said.textContent = "";
    if (!field) return;
    if (wrong) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
    said.closest(".field")?.classList.toggle("wrong", wrong);
  };
  let chosen = "";
  document.addEventListener("change", (event) => { chosen = event.target.id; });
  document.addEventListener("htmx:after:swap", () => {
    document.querySelectorAll(".said").forEach(mark);
    if (document.activeElement === document.body && chosen.startsWith("id_")) document.getElementById(chosen)?.focus();
  });

  // ---- one press of Send
  document.addEventListener("submit", (event) => {
    const button = event.target.querySelector("[data-send]");
    if (!button || event.submitter?.hasAttribute("formaction")) return;
    clearTimeout(timer);
    save(); // what does not arrive can be sent again, and is the same event
    setTimeout(() => { button.disabled = true; }, 0);
  });
  addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("[data-send]")) button.disabled = false;
    forget();
    offer();
  });
})();

// The part of a page that is live: htmx asks for it every few seconds, unless somebody is at work
// in it. Without this file, or with updates paused, there is the link "Refresh".
(() => {
  "use strict";
  const live = document.getElementById("live");
  if (!live) return;
  const KEY = "updates-paused";
  const remembered = () => { try { return localStorage.getItem(KEY) === "1"; } catch { return false; } };
  let paused = remembered();

  // an open menu, an open table and a selected text must not be changed under somebody's hands
  const inUse = () => Boolean(live.querySelector("details[open]"))
    || (getSelection().type === "Range" && live.contains(getSelection().anchorNode));
  const say = (words) => {
    const place = document.getElementById("live-state");
    if (place && place.textContent !== words) place.textContent = words;
  };
  const draw = () => {
    const button = document.getElementById("live-pause");
    if (!button) return;
    button.setAttribute("aria-pressed", String(paused));
    const word = paused ? "Resume updates" : "Pause updates";
    if (button.lastElementChild.textContent !== word) button.lastElementChild.textContent = word;
  };
  const news = () => live.querySelector("[data-told]")?.dataset.told ?? "";
  let told = news();

  document.addEventListener("click", (event) => {
    if (!event.target.closest("#live-pause")) return;
    paused = !paused;
    try { localStorage.setItem(KEY, paused ? "1" : "0"); } catch { /* it lasts until the next page */ }
    say("");
    draw();
  });
  document.addEventListener("htmx:before:request", (event) => {
    if (event.target !== live) return;
    if (paused || document.hidden || inUse()) event.preventDefault();
  });
  document.addEventListener("htmx:before:swap", (event) => {
    if (event.target !== live) return;
    const status = event.detail.ctx.response.status;
    if (status !== 200) { // a fault of a moment does not take away what is there
      event.preventDefault();
      say(`Not updated: the server answered ${status}`);
    } else if (inUse()) {
      event.preventDefault();
    }
  });
  document.addEventListener("htmx:error", (event) => {
    if (event.target === live) say("Not updated: no answer");
  });
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.target !== live) return;
    say("");
    draw();
    if (news() === told) return;
    told = news();
    document.getElementById("announce").textContent = told;
  });
  draw();
})();

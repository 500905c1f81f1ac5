// <relative-time datetime>: "8 minutes ago" in the words of the browser, kept true while it is shown.
// It is here before the page is, so that nothing moves when the words come.
(() => {
  "use strict";
  const EVERY = 10e3; // milliseconds between two looks
  const UNITS = [["year", 31536e3], ["month", 2628e3], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const shown = new Set();

  class RelativeTime extends HTMLElement {
    static observedAttributes = ["datetime"];

    connectedCallback() {
      shown.add(this);
      this.draw();
    }

    disconnectedCallback() {
      shown.delete(this);
    }

    attributeChangedCallback() {
      this.draw();
    }

    /** In a shadow, so that a row is still equal to the one that the server draws. */
    draw() {
      const seconds = (Date.parse(this.getAttribute("datetime")) - Date.now()) / 1000;
      if (Number.isNaN(seconds)) return;
      const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
      const count = unit === "second" && Math.abs(seconds) < 10 ? 0 : Math.trunc(seconds / size);
      const text = words.format(count, unit);
      const shadow = this.shadowRoot ?? this.attachShadow({ mode: "open" });
      if (shadow.textContent !== text) shadow.textContent = text;
    }
  }
  customElements.define("relative-time", RelativeTime);

  setInterval(() => { // a feed that is paused stands still (WCAG 2.2.2)
    if (document.hidden || document.querySelector(".live[data-live=false]")) return;
    for (const one of shown) one.draw();
  }, EVERY);
})();

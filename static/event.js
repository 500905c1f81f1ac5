// The page of one event, kept up to date: the stream of its source tells when it changed.
(() => {
  "use strict";
  const { event, live } = document.getElementById("event").dataset;
  const load = () => htmx.ajax("GET", location.pathname, { source: "#event", target: "#event", swap: "innerMorph" });
  const source = new EventSource(live);
  source.addEventListener("row", ({ data }) => { if (JSON.parse(data).ids.includes(event)) load(); });
  const catchUp = () => source.addEventListener("ping", load, { once: true }); // it comes first of all
  source.addEventListener("error", catchUp);
  catchUp();
})();

// The facets and the bars, beyond HTML: find in a long facet, and drag over bars to select a time.
(() => {
  "use strict";
  document.addEventListener("input", ({ target }) => {
    if (!("narrows" in target.dataset)) return;
    const wanted = target.value.trim().toLowerCase();
    for (const item of target.parentElement.querySelectorAll("li")) {
      item.hidden = !item.textContent.toLowerCase().includes(wanted);
    }
  });
})();

// Loaded in <head>, so that the page never flashes in the wrong colours.
(() => {
  const root = document.documentElement;
  const said = root.dataset; // by the server, to who has signed in
  try {
    // what was chosen a moment ago may still be on its way there
    if ("member" in said && !localStorage.getItem("theme-sent")) localStorage.setItem("theme", said.theme ?? "system");
    else said.theme = localStorage.getItem("theme");
  } catch { /* storage is off: what the server said, else the system */ }
  if (said.theme !== "light" && said.theme !== "dark") delete said.theme;
  root.classList.add("js");
})();

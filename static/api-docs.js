// The documentation of our own API, drawn by Swagger UI from the OpenAPI document.

const place = document.getElementById("api");
const token = document.querySelector("meta[name=csrf-token]").content;

function follow() {
  const chosen = document.documentElement.dataset.theme;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.classList.toggle("dark-mode", chosen ? chosen === "dark" : dark);
}

follow();
new MutationObserver(follow).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", follow);

SwaggerUIBundle({
  domNode: place,
  url: place.dataset.document,
  deepLinking: true,
  defaultModelsExpandDepth: -1,
  docExpansion: "list",
  // The server of the document is SITE_URL; a request from here goes where this page came from.
  requestInterceptor(request) {
    const asked = new URL(request.url, location.href);
    request.url = location.origin + asked.pathname + asked.search;
    if (request.method && request.method !== "GET") request.headers["X-CSRFToken"] = token;
    return request;
  },
});

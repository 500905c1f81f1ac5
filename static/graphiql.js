// Starts GraphiQL: it queries as the person who is signed in, and wears the theme of the page.
(() => {
  "use strict";
  const root = document.documentElement;
  const place = document.getElementById("graphiql");
  const { endpoint, host, cloudId } = place.dataset;
  window.__webpack_nonce__ = document.currentScript.nonce; // for the <style> of its dialogs

  const query = `# Ctrl-Enter runs this. The book on the left has everything that may be asked for.

query Components {
  tenantContexts(hostNames: ["${host}"]) {
    cloudId
  }
  compass {
    searchComponents(cloudId: "${cloudId}", query: {first: 10}) {
      ... on CompassSearchComponentConnection {
        nodes {
          component {
            id
            name
            events(query: {first: 3}) {
              ... on CompassEventConnection {
                nodes {
                  eventType
                  displayName
                  lastUpdated
                  url
                }
              }
            }
          }
        }
      }
      ... on QueryError {
        message
      }
    }
  }
}
`;

  const token = document.querySelector("meta[name=csrf-token]").content;
  const fetcher = GraphiQL.createFetcher({ url: endpoint, headers: { "X-CSRFToken": token } });
  const app = ReactDOM.createRoot(place);
  const draw = () => app.render(React.createElement(GraphiQL, {
    fetcher, defaultQuery: query, forcedTheme: root.dataset.theme || "system",
  }));
  new MutationObserver(draw).observe(root, { attributeFilter: ["data-theme"] });
  draw();
})();

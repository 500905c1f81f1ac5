// Drives the vendor's own SDK for Compass (@atlassian/forge-graphql) against a running server.
//
// The SDK asks its host, the Forge platform, to send its requests; here the host is this script.
// Standard input: {"url", "authorization", "calls": [[function, argument], ...]}. Standard output:
// the SDK's answer to each call, one JSON line. "$N.path" in an argument is a value of answer N.

const Module = require("node:module");

const input = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
console.log = console.info = () => {}; // the SDK chats there

const host = {
  requestGraph: (query, variables, headers) =>
    fetch(input.url, {
      method: "POST",
      headers: { ...headers, Authorization: input.authorization },
      body: JSON.stringify({ query, variables }),
    }),
};
const forge = { asApp: () => host, asUser: () => host };
const load = Module._load;
Module._load = (name, ...rest) =>
  name === "@forge/api" ? { __esModule: true, default: forge } : load(name, ...rest);

const { CompassApi } = require("@atlassian/forge-graphql/dist/src/compass-api.js");

const answers = [];

function filled(value) {
  if (typeof value === "string" && value.startsWith("$")) {
    const [number, ...steps] = value.slice(1).split(".");
    return steps.reduce((at, step) => at[step], answers[number]);
  }
  if (Array.isArray(value)) return value.map(filled);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filled(inner)]));
}

(async () => {
  const compass = new CompassApi().asApp();
  for (const [name, argument] of input.calls) {
    answers.push(await compass[name](filled(argument)));
    process.stdout.write(`${JSON.stringify(answers.at(-1))}\n`);
  }
})();

// How the package is loaded, and what it needs of a runtime.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";
import { PortalSessionError } from "billing-portal";
import { closedPort } from "./calls.mjs";
import { KEY, PORTAL_URL, RETURN_URL, opened, refusal, serve } from "./server.mjs";

test("t17: CommonJS has the same functions", () => {
  const script = 'const m = require("billing-portal"); console.log(Object.keys(m).sort().join())';
  const printed = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
  assert.equal(printed.stdout.trim(), "PortalSessionError,PortalUrl,createPortalSession,listReturnOrigins", printed.stderr);
  assert.ok(new PortalSessionError("Timeout", "x") instanceof Error);
});

// A use of `process`, `Buffer` or `require` is a ReferenceError here.
test("only what every runtime has is used", async (t) => {
  const server = await serve(t, refusal(503, "SERVICE_UNAVAILABLE"), opened());
  const web = { AbortController, Headers, Response, TextDecoder, URL, clearTimeout, fetch, performance, setTimeout };
  const context = createContext(web);
  const loaded = {};
  const load = (name) => {
    if (loaded[name]) return loaded[name];
    const source = readFileSync(new URL(`../dist/${name}`, import.meta.url), "utf8");
    runInContext(`(exports, require) => {${source}\n}`, context)((loaded[name] = {}), load);
    return loaded[name];
  };
  const exports = load("./index.js");
  const session = await exports.createPortalSession(RETURN_URL, { apiKey: KEY, baseUrl: server.baseUrl });
  assert.equal(session.portalUrl.expose(), PORTAL_URL);
  assert.equal(session.portalUrl.intoRedirect().headers.get("location"), PORTAL_URL);
  const error = await exports.createPortalSession(RETURN_URL, { apiKey: KEY, baseUrl: await closedPort(), maxRetries: 0 }).catch((e) => e);
  assert.equal(error.kind, "Connect");
  const dist = new URL("../dist/", import.meta.url);
  for (const name of readdirSync(dist).filter((name) => name.endsWith(".mjs"))) {
    assert.doesNotMatch(readFileSync(new URL(name, dist), "utf8"), /^import (?!.* from "\.\/[\w-]+\.mjs";$)/m);
  }
});

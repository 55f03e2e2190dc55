// The deadline and the caller's signal, however long they are and whatever `fetch` does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PortalSessionError } from "billing-portal";
import { call, failure } from "./calls.mjs";
import { PORTAL_URL } from "./server.mjs";

const service = { baseUrl: "https://billing.example.com" };
const DAY_MS = 86_400_000;

/** A `fetch` that answers after a moment, unless its signal ends it. */
function slowFetch(_url, { signal }) {
  const data = { portal_url: PORTAL_URL, expires_at: "2026-05-22T12:30:00Z" };
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
    setTimeout(() => resolve(Response.json({ success: true, data })), 100);
  });
}

test("a timeout may be longer than a timer can run", async () => {
  for (const timeoutMs of [Infinity, 2 ** 31, 2 ** 32 + 5, 30 * DAY_MS, Number.MAX_VALUE]) {
    for (const maxRetries of [0, 2]) {
      const session = await call(service, { timeoutMs, maxRetries, fetch: slowFetch });
      assert.equal(session.portalUrl.expose(), PORTAL_URL);
    }
  }
});

test("a timeout or a number of retries that is none is refused", async () => {
  const fetch = () => assert.fail("sent");
  for (const value of [NaN, -1, -Infinity, "3000", null, "x\ny"]) {
    for (const [option, problem] of [
      ["timeoutMs", "timeoutMs must be a number of milliseconds, 0 or more; nothing was sent"],
      ["maxRetries", "maxRetries must be a number, 0 or more; nothing was sent"],
    ]) {
      const error = await failure(call(service, { [option]: value, fetch }));
      assert.ok(error instanceof PortalSessionError, String(error));
      assert.deepEqual([error.kind, error.message, error.isRetryable], ["InvalidRequest", problem, false]);
    }
  }
});

/** Fails the test if a rejection is left unhandled until some time after it. */
async function withoutUnhandled(work) {
  const unhandled = [];
  const note = (reason) => unhandled.push(reason);
  process.on("unhandledRejection", note);
  try {
    await work();
    await new Promise((resolve) => setTimeout(resolve, 200));
  } finally {
    process.off("unhandledRejection", note);
  }
  assert.deepEqual(unhandled, []);
}

/** Ways for `fetch` to ignore its signal. */
const DEAF = {
  "never answers": () => new Promise(() => {}),
  "rejects much later": () => new Promise((_, reject) => setTimeout(() => reject(new Error("late")), 300)),
  "answers much later": () => new Promise((resolve) => setTimeout(() => resolve(new Response("{}")), 300)),
  "never ends its answer": async () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) })),
};

for (const [name, fetch] of Object.entries(DEAF)) {
  test(`the deadline ends a call whose fetch ${name}`, () => withoutUnhandled(async () => {
    for (const maxRetries of [0, 1]) {
      const error = await failure(call(service, { fetch, timeoutMs: 200, maxRetries }));
      assert.ok(error instanceof PortalSessionError, String(error));
      assert.deepEqual([error.kind, error.isRetryable], ["Timeout", true]);
    }
  }));

  test(`the caller's signal ends a call whose fetch ${name}`, () => withoutUnhandled(async () => {
    const reason = new Error("the visitor left");
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 100);
    assert.equal(await failure(call(service, { fetch, signal: controller.signal })), reason);
  }));
}

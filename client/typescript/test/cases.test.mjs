// The table of cases that this client and the Rust SDK treat alike: both run it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createPortalSession, PortalSessionError } from "billing-portal";
import { KEY, PORTAL_URL, RETURN_URL, opened, refusal, reply, serve } from "./server.mjs";

const cases = JSON.parse(readFileSync(new URL("../../tests/cases.json", import.meta.url), "utf8"));

async function failure(options) {
  const call = createPortalSession(RETURN_URL, { apiKey: KEY, ...options });
  const error = await call.then(() => assert.fail("a session"), (error) => error);
  assert.ok(error instanceof PortalSessionError, error);
  return error;
}

for (const { name, status, headers, body, error: expected, requests } of cases.answers) {
  test(`answer: ${name}`, async (t) => {
    const server = await serve(t, reply(status, headers, body));
    const error = await failure({ baseUrl: server.baseUrl, maxRetries: 1 });
    const observed = {
      kind: error.kind,
      code: error.code ?? null,
      status: error.status,
      request_id: error.requestId ?? null,
      help: error.helpUrl?.replace(server.baseUrl, "") ?? null,
      is_retryable: error.isRetryable,
      retry_after: error.retryAfter ?? null,
      message: error.message,
    };
    assert.deepEqual(observed, expected);
    assert.equal(server.requests.length, requests);
  });
}

for (const { date, value, seconds } of cases.retry_after) {
  test(`Retry-After: ${value}`, async (t) => {
    const headers = { "Retry-After": value, ...(date && { Date: date }) };
    const server = await serve(t, refusal(429, "RATE_LIMITED", headers));
    const error = await failure({ baseUrl: server.baseUrl, maxRetries: 0 });
    assert.equal(error.retryAfter ?? null, seconds);
  });
}

for (const { url, accepted } of cases.base_urls) {
  test(`base URL ${accepted ? "accepted" : "refused"}: ${url}`, async () => {
    const fetch = () => Promise.reject(new Error("sent"));
    const error = await failure({ baseUrl: url, fetch, maxRetries: 0 });
    assert.equal(error.kind, accepted ? "Disconnected" : "Configuration", error.message);
  });
}

for (const { url, accepted } of cases.portal_urls) {
  test(`portal URL ${accepted ? "accepted" : "refused"}: ${url}`, async (t) => {
    const data = { portal_url: url, expires_at: "2026-05-22T12:30:00Z" };
    const { baseUrl } = await serve(t, reply(200, {}, JSON.stringify({ success: true, data })));
    const call = createPortalSession(RETURN_URL, { apiKey: KEY, baseUrl, maxRetries: 0 });
    if (accepted) return assert.equal((await call).portalUrl.expose(), url);
    const error = await call.catch((error) => error);
    assert.equal(error.kind, "UnexpectedAnswer");
    assert.equal(error.message, "an answer with status 200 whose portal URL is not valid (no content type)");
  });
}

for (const { traceparent, tracestate, sent } of cases.traces) {
  test(`trace: ${JSON.stringify([traceparent, tracestate])}`, async (t) => {
    const server = await serve(t, refusal(503, "SERVICE_UNAVAILABLE"), opened());
    const options = { apiKey: KEY, baseUrl: server.baseUrl, traceparent, tracestate };
    assert.equal((await createPortalSession(RETURN_URL, options)).portalUrl.expose(), PORTAL_URL);
    assert.equal(server.requests.length, 2);
    for (const { head } of server.requests) {
      const values = (name) => head.match(new RegExp(`(?<=^${name}: ).*(?=\\r?$)`, "gim")) ?? [];
      assert.deepEqual(values("traceparent"), sent.traceparent === null ? [] : [sent.traceparent]);
      assert.deepEqual(values("tracestate"), sent.tracestate === null ? [] : [sent.tracestate]);
      assert.deepEqual(values("x-evil"), []);
    }
  });
}

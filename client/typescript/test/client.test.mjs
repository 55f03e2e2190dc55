// What the client sends, when it retries, how long it waits, and what it never prints.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { createPortalSession, listReturnOrigins } from "billing-portal";
import { call, closedPort, failure } from "./calls.mjs";
import { ID, KEY, PORTAL_URL, RETURN_URL, opened, refusal, reply, serve } from "./server.mjs";

test("a call opens a session", async (t) => {
  const server = await serve(t, opened({ Traceresponse: "00-1" }));
  const session = await call(server);
  assert.equal(session.portalUrl.expose(), PORTAL_URL);
  assert.equal(session.expiresAt.toISOString(), "2026-05-22T12:30:00.000Z");
  assert.equal(session.requestId, ID);
  assert.equal(session.headers.get("traceresponse"), "00-1");
  assert.ok(session.portalUrl.isFresh(295_000), "five minutes by the service's clock");
  assert.ok(!session.portalUrl.isFresh(300_000));
});

test("the documented request is sent", async (t) => {
  const server = await serve(t, refusal(503, "SERVICE_UNAVAILABLE"), opened());
  const headers = { "X-Shop": "caf" };
  const trace = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "a=1" };
  await call(server, { apiKey: ` ${KEY}\n`, baseUrl: `${server.baseUrl}/billing/`, headers, ...trace, userAgent: "shop/2.1" });
  assert.equal(server.requests.length, 2);
  for (const { head, body } of server.requests) {
    const [line, ...lines] = head.split("\r\n");
    assert.equal(line, "POST /billing/v1/billing/portal HTTP/1.1");
    assert.equal(body, JSON.stringify({ return_url: RETURN_URL }));
    const sent = Object.fromEntries(lines.map((line) => line.split(": ")).map(([name, value]) => [name.toLowerCase(), value]));
    assert.equal(sent["authorization"], `Bearer ${KEY}`);
    assert.equal(sent["content-type"], "application/json");
    assert.equal(sent["accept"], "application/json");
    assert.equal(sent["user-agent"], "shop/2.1 billing-portal-typescript");
    assert.equal(sent["x-shop"], "caf");
    assert.equal(sent["traceparent"], trace.traceparent);
    assert.equal(sent["tracestate"], trace.tracestate);
  }
});

test("flow and locale are sent as they are", async (t) => {
  const server = await serve(t, opened());
  await call(server, { flow: "payment_method_update", locale: "de" });
  const body = { return_url: RETURN_URL, flow: "payment_method_update", locale: "de" };
  assert.deepEqual(JSON.parse(server.requests[0].body), body);
});

test("an idempotency key is sent on each try, and a replay is reported", async (t) => {
  const server = await serve(t, refusal(503, "SERVICE_UNAVAILABLE"), opened({ "Idempotent-Replayed": "true" }), opened());
  const replayed = await call(server, { idempotencyKey: "page-view-1" });
  const first = await call(server);
  assert.deepEqual([replayed.isReplayed, first.isReplayed], [true, false]);
  const keys = server.requests.map(({ head }) => /^idempotency-key: (.*)$/im.exec(head)?.[1]);
  assert.deepEqual(keys, ["page-view-1", "page-view-1", undefined]);
});

test("the origins of return URLs are listed, with retries and without a body", async (t) => {
  const origins = ["https://app.example.com", "https://shop.example.com:8443"];
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const listed = reply(200, { "X-Request-Id": ID }, JSON.stringify({ success: true, data: { origins } }));
  const server = await serve(t, refusal(503, "SERVICE_UNAVAILABLE"), listed);
  const answer = await listReturnOrigins({ apiKey: KEY, baseUrl: server.baseUrl, traceparent, headers: { "x-shop": "1" } });
  assert.deepEqual([answer.origins, answer.requestId], [origins, ID]);
  assert.equal(server.requests.length, 2);
  for (const { head, body } of server.requests) {
    assert.match(head, /^GET \/v1\/billing\/return-origins HTTP\/1.1\r\n/);
    assert.match(head, new RegExp(`^authorization: Bearer ${KEY}\r?$`, "im"));
    assert.match(head, new RegExp(`^traceparent: ${traceparent}\r?$`, "im"));
    assert.match(head, /^x-shop: 1\r?$/im);
    assert.doesNotMatch(head, /^content-type:/im);
    assert.equal(body, "");
  }
});

test("an answer that does not list origins is an error", async (t) => {
  const list = (server) => listReturnOrigins({ apiKey: KEY, baseUrl: server.baseUrl, maxRetries: 0 });
  const bodies = [{ success: true, data: {} }, { success: true, data: { origins: [1] } }, { success: false, data: { origins: [] } }, 7];
  const server = await serve(t, ...bodies.map((body) => reply(200, {}, JSON.stringify(body))), refusal(403, "FORBIDDEN"));
  for (const body of bodies) {
    const error = await failure(list(server));
    assert.equal(error.kind, "UnexpectedAnswer", JSON.stringify(body));
    assert.match(error.message, /without the service's envelope/);
  }
  const error = await failure(list(server));
  assert.deepEqual([error.kind, error.code, error.status], ["Api", "FORBIDDEN", 403]);
});

test("a header that the client sets cannot be changed", async (t) => {
  const server = await serve(t, opened());
  for (const name of ["Authorization", "content-type", "User-Agent", "Accept-Encoding", "connection", "Idempotency-Key"]) {
    const error = await failure(call(server, { headers: { [name]: "x" } }));
    assert.equal(error.message, `header ${name.toLowerCase()} is set by the client; nothing was sent`);
    assert.equal(error.kind, "InvalidRequest");
  }
  assert.equal(server.requests.length, 0);
});

test("missing and invalid settings are named", async () => {
  const message = async (options) => (await failure(createPortalSession(RETURN_URL, options))).message;
  const baseUrl = "https://billing.example.com";
  for (const [apiKey, problem] of [
    [undefined, "is not set"],
    [" ", "is not set"],
    [`"${KEY}"`, "must not have quotes or white space inside"],
    [`${KEY.slice(0, 20)}\n${KEY.slice(20)}`, "must not have quotes or white space inside"],
    ["sk_test_x", "must begin with am_live_ or am_test_"],
    [KEY.slice(0, 40), "must have 36 letters and digits after its prefix; is it cut off?"],
  ]) {
    assert.equal(await message({ apiKey, baseUrl }), `billing portal client: api_key ${problem}`);
  }
  assert.equal(await message({ apiKey: KEY, baseUrl: undefined }), "billing portal client: base_url is not set");
  const plain = createPortalSession(RETURN_URL, {
    apiKey: KEY,
    baseUrl: "http://billing-portal:8080",
    allowPlainHttp: true,
    fetch: async () => new Response(opened().split("\r\n\r\n")[1]),
  });
  assert.equal((await plain).portalUrl.expose(), PORTAL_URL);
});

test("broken connections are retried", async (t) => {
  for (const broken of ["", opened().slice(0, 20), opened().slice(0, -10), { reset: "" }, { reset: opened().slice(0, -10) }]) {
    const server = await serve(t, broken, opened());
    assert.equal((await call(server)).portalUrl.expose(), PORTAL_URL);
    assert.equal(server.requests.length, 2);
    const always = await serve(t, broken);
    const error = await failure(call(always, { maxRetries: 1 }));
    assert.equal(error.kind, "Disconnected", error.message);
    assert.ok(error.isRetryable);
    assert.equal(always.requests.length, 2);
  }
});

test("a connection that swallows a request is given up after its share", async (t) => {
  for (const [stalled, timeoutMs] of [["", 1000], [opened().slice(0, 20), 2000], [opened().slice(0, -10), 600]]) {
    const server = await serve(t, { stalled }, opened());
    const started = performance.now();
    await call(server, { timeoutMs });
    assert.ok(performance.now() - started >= timeoutMs / 2 - 5);
    assert.equal(server.requests.length, 2);
  }
});

test("one deadline holds over all tries", async (t) => {
  const server = await serve(t, { stalled: "" });
  for (const maxRetries of [0, 1, 5]) {
    const started = performance.now();
    const error = await failure(call(server, { timeoutMs: 500, maxRetries }));
    assert.ok(performance.now() - started < 1000);
    assert.equal(error.kind, "Timeout");
    assert.match(error.message, /^no answer from the billing portal service within 0\.\d s$/);
  }
});

test("Retry-After is waited for, unless it exceeds the deadline", async (t) => {
  for (const value of ["1", "0.2"]) {
    const server = await serve(t, refusal(503, "SERVICE_UNAVAILABLE", { "Retry-After": value }), opened());
    const started = performance.now();
    await call(server);
    assert.ok(performance.now() - started >= 1000);
  }
  const server = await serve(t, refusal(503, "SERVICE_UNAVAILABLE", { "Retry-After": "5" }));
  assert.equal((await failure(call(server, { timeoutMs: 2000 }))).retryAfter, 5);
  assert.equal(server.requests.length, 1);
});

test("a refused connection and a 407 are distinguished from a broken one", async (t) => {
  const refused = await failure(call({ baseUrl: await closedPort() }, { maxRetries: 0 }));
  assert.equal(refused.kind, "Connect", refused.message);
  const proxy = await serve(t, reply(407, {}, ""));
  const error = await failure(call(proxy));
  assert.equal(error.kind, "ConnectionRejected");
  assert.match(error.message, /the proxy requires credentials \(407\)/);
  assert.ok(!error.isRetryable);
  assert.equal(proxy.requests.length, 1);
});

test("errors of certificates are not retried", async () => {
  // The texts and codes of Node, Deno and Bun.
  for (const [cause, meaning] of [
    [{ message: "self-signed certificate", code: "DEPTH_ZERO_SELF_SIGNED_CERT" }, "not trusted"],
    [{ message: "unable to verify the first certificate", code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" }, "not trusted"],
    [{ message: "certificate has expired", code: "CERT_HAS_EXPIRED" }, "not trusted"],
    [{ message: "Hostname/IP does not match certificate's altnames", code: "ERR_TLS_CERT_ALTNAME_INVALID" }, "for another host name"],
    [{ message: "client error (Connect): invalid peer certificate: UnknownIssuer" }, "not trusted"],
    [{ message: "invalid peer certificate: certificate not valid for name \"x\"" }, "for another host name"],
  ]) {
    let calls = 0;
    const fetch = async () => {
      calls += 1;
      throw Object.assign(new TypeError("fetch failed"), { cause });
    };
    const error = await failure(call({ baseUrl: "https://billing.example.com" }, { fetch }));
    assert.equal(error.kind, "ConnectionRejected");
    assert.ok(error.message.includes(`the certificate is ${meaning}: ${cause.message}`), error.message);
    assert.equal(calls, 1);
  }
});

test("a signal ends the call", async (t) => {
  const server = await serve(t, { stalled: "" });
  const reason = new Error("the visitor left");
  assert.equal(await failure(call(server, { signal: AbortSignal.abort(reason) })), reason);
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 100);
  assert.equal(await failure(call(server, { signal: controller.signal })), reason);
  assert.equal(server.requests.length, 1);
});

test("a signal ends the pause before a retry", async (t) => {
  const server = await serve(t, refusal(503, "SERVICE_UNAVAILABLE", { "Retry-After": "20" }));
  const reason = new Error("the visitor left");
  const controller = new AbortController();
  const started = performance.now();
  const ended = failure(call(server, { signal: controller.signal }));
  while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  setTimeout(() => controller.abort(reason), 100);
  assert.equal(await ended, reason);
  assert.ok(performance.now() - started < 15_000, "the pause was waited for");
  assert.equal(server.requests.length, 1);
});

test("a large answer is not read to its end", async (t) => {
  const server = await serve(t, reply(200, {}, `{"padding":"${"x".repeat(1_000_000)}"}`));
  assert.equal((await failure(call(server, { maxRetries: 0 }))).kind, "UnexpectedAnswer");
});

test("a redirect leads to the portal", async (t) => {
  const response = (await call(await serve(t, opened()))).portalUrl.intoRedirect();
  assert.equal(response.status, 303);
  assert.deepEqual(Object.fromEntries(response.headers), {
    "cache-control": "no-store",
    location: PORTAL_URL,
    "referrer-policy": "no-referrer",
  });
});

test("nothing printed holds a secret", async (t) => {
  const session = await call(await serve(t, opened()));
  const { portalUrl } = session;
  const printed = [
    `${portalUrl}`, portalUrl + "", String(portalUrl), JSON.stringify(session), inspect(session, { depth: 9, showHidden: true }),
    JSON.stringify({ ...portalUrl }), Object.values(portalUrl).join(),
  ];
  const echo = `Bearer ${KEY} ${PORTAL_URL}`;
  const details = { [KEY]: KEY };
  for (const answer of [
    reply(502, { "X-Echo": echo }, echo),
    reply(422, {}, JSON.stringify({ success: false, error: { code: KEY, message: KEY, request_id: KEY, details } })),
    reply(402, {}, JSON.stringify({ error: { code: KEY } })),
  ]) {
    const error = await failure(call(await serve(t, answer), { maxRetries: 0 }));
    printed.push(error.message, String(error), inspect(error, { depth: 9 }), JSON.stringify(error), error.stack);
  }
  for (const text of printed) {
    assert.ok(!text.includes("bps_test") && !text.includes(KEY.slice(8)), text);
  }
  assert.equal(printed[0], "PortalUrl(…)");
});

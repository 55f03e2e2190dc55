// How the headers of an answer are read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, failure } from "./calls.mjs";
import { ID, opened, refusal, reply, serve } from "./server.mjs";

const retryAfter = async (t, headers) => {
  const server = await serve(t, refusal(502, "BILLING_PORTAL_UNAVAILABLE", headers));
  return failure(call(server, { maxRetries: 0 }));
};

test("a date in the past asks for no wait, also the first second of 1970", async (t) => {
  for (const value of [
    "Thu, 01 Jan 1970 00:00:00 GMT", "Thu Jan  1 00:00:00 1970", "Wed, 31 Dec 1969 23:59:59 GMT",
    "Thu, 01 Jan 1970 00:00:01 GMT",
  ]) {
    const { retryAfter: seconds, isRetryable } = await retryAfter(t, { "Retry-After": value });
    assert.deepEqual([value, seconds, isRetryable], [value, 0, true]);
  }
  const error = await retryAfter(t, { "Retry-After": "Thu, 01 Jan 1970 00:00:05 GMT", Date: "Thu, 01 Jan 1970 00:00:00 GMT" });
  assert.equal(error.retryAfter, 5);
  assert.equal((await retryAfter(t, { "Retry-After": "Thu, 32 Jan 1970 00:00:00 GMT" })).retryAfter, undefined);
});

test("white space around a header's value is removed", async (t) => {
  for (const space of [" ", "\t", " \t  "]) {
    assert.equal((await retryAfter(t, { "Retry-After": `1${space}` })).retryAfter, 1);
    const until = { "Retry-After": `${space}Fri, 22 May 2026 12:25:03 GMT${space}`, Date: `Fri, 22 May 2026 12:25:00 GMT${space}` };
    assert.equal((await retryAfter(t, until)).retryAfter, 3);
    const headers = { "Idempotent-Replayed": `true${space}`, Date: `Fri, 22 May 2026 12:25:00 GMT${space}`, "X-Request-Id": ID + space };
    const session = await call(await serve(t, opened(headers)));
    assert.deepEqual([session.isReplayed, session.requestId], [true, ID]);
    // Five minutes by the service's clock, which is not this machine's.
    assert.ok(session.portalUrl.isFresh(290_000) && !session.portalUrl.isFresh(300_000));
    const page = await serve(t, reply(502, { "Content-Type": `text/html${space}`, "X-Request-Id": ID + space }, "x"));
    const error = await failure(call(page, { maxRetries: 0 }));
    assert.deepEqual([error.message, error.requestId], ["an answer with status 502 without the service's envelope (text/html)", ID]);
  }
});

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

// What a failed `fetch` means.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PortalSessionError } from "billing-portal";
import { call, failure } from "./calls.mjs";

const service = { baseUrl: "https://billing.example.com" };

/** The error of a call whose `fetch` rejects so, and how often it was called. */
async function rejection(reason, options = {}) {
  let calls = 0;
  const fetch = async () => {
    calls += 1;
    throw reason;
  };
  const error = await failure(call(service, { fetch, maxRetries: 1, ...options }));
  assert.ok(error instanceof PortalSessionError, String(error));
  return { error, calls };
}

test("a chain of causes may be endless", async () => {
  const own = new Error("own");
  own.cause = own;
  const [first, second] = [new Error("first"), new Error("second")];
  Object.assign(first, { cause: second });
  Object.assign(second, { cause: first });
  const endless = (depth) => ({ message: `cause ${depth}`, get cause() { return endless(depth + 1); } });
  for (const reason of [own, first, endless(0)]) {
    const { error } = await rejection(reason);
    assert.equal(error.kind, "Disconnected");
    assert.match(error.message, /^the connection broke before an answer: (own|first|second|cause \d)$/);
  }
});

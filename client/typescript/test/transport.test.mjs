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

const chain = (...links) => links.reduceRight((cause, link) => Object.assign(new Error(link.message), link, cause && { cause }), undefined);

test("words in an address do not decide what failed", async () => {
  for (const [code, message, kind] of [
    ["ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1:407", "Connect"],
    ["ENOTFOUND", "getaddrinfo ENOTFOUND certificates.invalid", "Connect"],
    ["ENOTFOUND", "getaddrinfo ENOTFOUND proxy-authentication.invalid", "Connect"],
    ["EAI_AGAIN", "getaddrinfo EAI_AGAIN not-valid-for-name.invalid", "Connect"],
    ["ENETUNREACH", "connect ENETUNREACH 2001:db8::407:443", "Connect"],
    ["ECONNRESET", "read ECONNRESET 10.0.0.1:407 of refused.example", "Disconnected"],
    ["UND_ERR_SOCKET", "other side closed: CERT_HAS_EXPIRED.example", "Disconnected"],
    ["UND_ERR_HEADERS_TIMEOUT", "resolve.example", "Disconnected"],
    // Of runtimes that give no code.
    [undefined, "error sending request for url (https://invalid-peer-certificate:407/refused): client error (SendRequest)", "Disconnected"],
    [undefined, "network connection lost: ECONNREFUSED.certificate.example", "Disconnected"],
  ]) {
    for (const links of [[{ message, code }], [{ message: "fetch failed" }, { message, code }], [{ message: "407" }, { message: "certificate" }, { message, code }]]) {
      const { error, calls } = await rejection(chain(...links));
      assert.deepEqual([message, error.kind, error.isRetryable, calls], [message, kind, true, 2]);
      assert.ok(error.message.endsWith(`: ${message}${code ? ` (${code})` : ""}`), error.message);
      assert.doesNotMatch(error.message, /proxy requires|not trusted|another host name/);
    }
  }
});

test("a code decides wherever it is in the chain", async () => {
  for (const links of [
    [{ message: "x", code: "ECONNREFUSED" }, { message: "certificate" }],
    [{ message: "x", code: "E_WRAPPED" }, { message: "", code: "ECONNREFUSED" }],
    [{ message: "x" }, { message: "y" }, { message: "z", code: "ConnectionRefused" }],
  ]) {
    assert.equal((await rejection(chain(...links))).error.kind, "Connect");
  }
});

test("a proxy's 407 is recognized in the texts of runtimes", async () => {
  for (const links of [
    [{ message: "fetch failed" }],
    [{ message: "fetch failed" }, { message: "" }],
    [{ message: "fetch failed" }, { message: "Proxy response (407) !== 200 when HTTP Tunneling", code: "UND_ERR_ABORTED" }],
    [{ message: "client error (Connect): tunnel error: proxy authentication required" }],
    [{ message: "client error (Connect): tunnel error: proxy authorization required" }],
  ]) {
    const { error, calls } = await rejection(chain(...links));
    assert.deepEqual([error.kind, calls], ["ConnectionRejected", 1]);
    assert.match(error.message, /the proxy requires credentials \(407\): /);
  }
});

test("the texts of runtimes without codes are recognized", async () => {
  for (const [message, kind] of [
    ["error sending request for url (https://h/): client error (Connect): tcp connect error: Connection refused (os error 111)", "Connect"],
    ["client error (Connect): dns error: failed to lookup address information: Name or service not known", "Connect"],
    ["error sending request for url (https://h/): client error (Connect): invalid peer certificate: UnknownIssuer", "ConnectionRejected"],
    ["client error (Connect): received corrupt message of type InvalidContentType", "ConnectionRejected"],
    ["client error (SendRequest): connection closed before message completed", "Disconnected"],
  ]) {
    assert.deepEqual([message, (await rejection(new TypeError(message))).error.kind], [message, kind]);
  }
});

test("whatever fetch throws becomes an error with one line", async () => {
  for (const reason of [undefined, null, "boom", 7, Symbol("s"), Object.create(null), { message: 5 }, { message: "a\nb", code: 20 }]) {
    const { error } = await rejection(reason);
    assert.equal(error.kind, "Disconnected");
    assert.match(error.message, /^the connection broke before an answer: .+$/);
  }
});

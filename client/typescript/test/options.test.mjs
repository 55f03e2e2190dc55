// Options that cannot be sent: the call rejects with an error that names the option, and nothing is sent.
import assert from "node:assert/strict";
import { test } from "node:test";
import { listReturnOrigins, PortalSessionError } from "billing-portal";
import { call, failure } from "./calls.mjs";
import { KEY, opened, serve } from "./server.mjs";

const NEVER = { baseUrl: "https://billing.example.com", fetch: () => assert.fail("sent") };

/** Fails unless the promise rejects with this line. */
async function assertRefused(promise, message) {
  const error = await failure(promise);
  assert.ok(error instanceof PortalSessionError, String(error));
  assert.deepEqual([error.kind, error.message, error.isRetryable], ["InvalidRequest", `${message}; nothing was sent`, false]);
}

const UNSENDABLE = ["shöp€", "é€", "a\nb", "a\r\nx-evil: 1", "\u{1f600}", "nul\0", "a\u0001b", "delete\x7f", "line\u2028separator"];

test("a value that no header may have is refused, and not shown", async () => {
  const problem = "has a character that a header must not have, such as a line break or one outside Latin-1";
  for (const value of UNSENDABLE) {
    await assertRefused(call(NEVER, { ...NEVER, userAgent: value }), `userAgent ${problem}`);
    await assertRefused(call(NEVER, { ...NEVER, idempotencyKey: value }), `idempotencyKey ${problem}`);
    await assertRefused(call(NEVER, { ...NEVER, headers: { "X-Shop": value } }), `headers: x-shop ${problem}`);
    await assertRefused(call(NEVER, { ...NEVER, headers: new Map([["X-Shop", value]]) }), `headers: x-shop ${problem}`);
    await assertRefused(listReturnOrigins({ apiKey: KEY, ...NEVER, userAgent: value }), `userAgent ${problem}`);
  }
  const error = await failure(call(NEVER, { ...NEVER, headers: { [KEY]: "€" } }));
  assert.equal(error.message, `headers: [api key] ${problem}; nothing was sent`);
});

test("a name that no header may have is refused, and not shown", async () => {
  for (const name of ["x a", "", "x\ny", "ü", "a:b", "x-\0", `Bearer ${KEY}`]) {
    await assertRefused(call(NEVER, { ...NEVER, headers: { [name]: "1" } }), "headers has a name that no header may have");
  }
  for (const headers of ["x-a: 1", 7, [["x-a"]], [7]]) {
    await assertRefused(call(NEVER, { ...NEVER, headers }), "headers must be an object of names and values");
  }
});

test("a header of the connection cannot be set", async () => {
  for (const name of [
    "Keep-Alive", "Connection", "Transfer-Encoding", "Content-Length", "Host", "Expect", "Upgrade", "TE", "Trailer", "Proxy-Connection",
  ]) {
    for (const headers of [{ [name]: "5" }, { [name.toLowerCase()]: "" }, { "x-shop": "1", [name.toUpperCase()]: "5" }]) {
      await assertRefused(call(NEVER, { ...NEVER, headers }), `header ${name.toLowerCase()} is set by the client`);
    }
  }
});

test("what a header may have is sent", async (t) => {
  const server = await serve(t, opened());
  const headers = { "X-Shop": "caf\xe9\ttab", "x-empty": "", "keep-alive-for": "5", "X-Number": 5 };
  for (const given of [headers, new Headers(Object.entries(headers)), Object.entries(headers)]) {
    await call(server, { headers: given, userAgent: " sh\xf6p/2.1 ", idempotencyKey: "a b~" });
    const { head } = server.requests.at(-1);
    assert.match(head, /^user-agent: sh.{1,2}p\/2\.1 billing-portal-typescript\r?$/im);
    assert.match(head, /^idempotency-key: a b~\r?$/im);
    assert.match(head, /^x-number: 5\r?$/im);
    assert.match(head, /^keep-alive-for: 5\r?$/im);
  }
  for (const absent of [{ headers: null }, { headers: undefined }, { userAgent: undefined }, { signal: null }, { fetch: undefined }]) {
    await call(server, absent);
  }
});

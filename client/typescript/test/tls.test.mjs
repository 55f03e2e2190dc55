// Failures of TLS and of ports that cannot pass: they are thrown at once, with what is wrong in plain words.
import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import tls from "node:tls";
import { call, failure } from "./calls.mjs";

/** The base URL of a server, and how many connections it has had. */
async function listen(t, server) {
  const seen = { connections: 0 };
  server.on("connection", (socket) => {
    seen.connections += 1;
    t.after(() => socket.destroy());
  });
  server.on("tlsClientError", () => {});
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return Object.assign(seen, { baseUrl: `https://localhost:${server.address().port}` });
}

/** A server that answers the first bytes with these. */
const answering = (bytes) => net.createServer((socket) => {
  socket.on("error", () => {});
  socket.once("data", () => socket.end(Buffer.from(bytes)));
});
/** A fatal alert of TLS, by its number in RFC 8446. */
const alert = (number) => [0x15, 3, 3, 0, 2, 2, number];

const VERSION = "the service and this client have no version of TLS in common";
const CIPHER = "the service and this client have no TLS cipher in common, or the service requires a client certificate";
const CERTIFICATE = "the service requires a client certificate that it accepts";
const FINAL = [
  ["a protocol version", () => tls.createServer({ minVersion: "TLSv1", maxVersion: "TLSv1.1" }), VERSION],
  ["no certificate for a cipher", () => tls.createServer({ maxVersion: "TLSv1.2" }), CIPHER],
  ["the alert protocol_version", () => answering(alert(70)), VERSION],
  ["the alert handshake_failure", () => answering(alert(40)), CIPHER],
  ["the alert insufficient_security", () => answering(alert(71)), "the TLS of the service is too weak for this client, or the reverse"],
  ["the alert certificate_required", () => answering(alert(116)), CERTIFICATE],
  ["the alert bad_certificate", () => answering(alert(42)), CERTIFICATE],
  ["the alert unknown_ca", () => answering(alert(48)), CERTIFICATE],
  ["the alert unrecognized_name", () => answering(alert(112)), "the service does not know the host name of its address"],
  ["the alert no_application_protocol", () => answering(alert(120)), "the service does not speak HTTP over TLS as this client does"],
  ["plain text", () => answering(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")), "the address of the service does not speak TLS"],
];

for (const [name, server, meaning] of FINAL) {
  test(`not retried: ${name}`, async (t) => {
    const service = await listen(t, server());
    const error = await failure(call(service));
    assert.deepEqual([error.kind, error.isRetryable, service.connections], ["ConnectionRejected", false, 1], error.message);
    // Bun and Deno have other codes.
    const [, text] = /^could not connect to the billing portal service: (.+?) \(\w+\)$/.exec(error.message) ?? [];
    assert.equal(text, meaning, error.message);
  });
}

test("a failure of TLS that may pass is retried, without OpenSSL's own text", async (t) => {
  for (const number of [80, 20]) {
    const service = await listen(t, answering(alert(number)));
    const error = await failure(call(service, { maxRetries: 1 }));
    assert.deepEqual([error.kind, error.isRetryable, service.connections], ["Disconnected", true, 2], error.message);
    assert.match(error.message, /^the connection broke before an answer: TLS failed \(ERR_SSL_\w+\)$/);
  }
});

/** The error of a call whose `fetch` rejects so. */
const rejection = (cause) => {
  const fetch = async () => { throw Object.assign(new TypeError("fetch failed"), { cause }); };
  return failure(call({ baseUrl: "https://billing.example.com" }, { fetch, maxRetries: 0 }));
};

test("OpenSSL's own text is read, and not shown", async () => {
  const raw = (reason) => `write EPROTO 809CC871DD7F0000:error:0A00042E:SSL routines:ssl3_read_bytes:${reason}:../deps/openssl/rec_layer_s3.c:1601:\n`;
  for (const [cause, meaning] of [
    [{ code: "EPROTO", message: raw("tlsv1 alert protocol version") }, `${VERSION} (ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION)`],
    [{ message: raw("sslv3 alert handshake failure") }, `${CIPHER} (ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE)`],
    [{ code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", message: raw("tlsv13 alert certificate required") },
      `${CERTIFICATE} (ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED)`],
    [{ code: "ERR_SSL_UNSUPPORTED_PROTOCOL", message: raw("unsupported protocol") }, `${VERSION} (ERR_SSL_UNSUPPORTED_PROTOCOL)`],
    // Of Deno.
    [{ message: "client error (Connect): received fatal alert: ProtocolVersion" }, VERSION],
    [{ message: "client error (Connect): received fatal alert: HandshakeFailure" }, CIPHER],
    [{ message: "client error (Connect): received fatal alert: CertificateRequired" }, CERTIFICATE],
    [{ message: "client error (Connect): peer is incompatible: ServerDoesNotSupportTls12Or13" }, VERSION],
  ]) {
    const error = await rejection(cause);
    assert.deepEqual([error.kind, error.isRetryable], ["ConnectionRejected", false]);
    assert.ok(error.message.startsWith(`could not connect to the billing portal service: ${meaning}`), error.message);
    assert.doesNotMatch(error.message, /SSL routines|deps|0A00/);
  }
});

test("a port that fetch blocks is an error of the configuration", async () => {
  for (const port of [1, 25, 6000, 10080]) {
    const error = await failure(call({ baseUrl: `http://127.0.0.1:${port}` }));
    assert.equal(error.message, "billing portal client: base_url has a port that fetch does not connect to");
    assert.deepEqual([error.kind, error.isRetryable], ["Configuration", false]);
  }
});

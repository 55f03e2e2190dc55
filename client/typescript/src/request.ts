// The request that a caller's options make, and its limits.
import { PortalSessionError } from "./error.js";
import type { CallOptions } from "./options.js";
import { redactor, type Redact } from "./redact.js";

/** Headers that HTTP, the contract or this client sets. */
const RESERVED = new Set([
  "accept", "accept-encoding", "authorization", "connection", "content-encoding", "content-length", "content-type", "expect", "host",
  "idempotency-key", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
]);
/** A name and a value that RFC 9110 and `fetch` accept. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/, HEADER_VALUE = /^[\t -~\x80-\xff]*$/;
/** The hosts of this machine, as a URL's parser writes them. */
export const LOOPBACK = /^((.*\.)?localhost\.?|127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]+\])$/;

export const parseUrl = (text: string) => (URL.canParse(text) ? new URL(text) : undefined);

/** The error of an option that cannot be sent. */
const invalid = (problem: string) => new PortalSessionError("InvalidRequest", `${problem}; nothing was sent`);

/** The options that limit a call, if they are numbers that can. */
export function limits({ timeoutMs = 30_000, maxRetries = 2 }: CallOptions) {
  const isLimit = (value: unknown) => typeof value === "number" && value >= 0;
  const problem = !isLimit(timeoutMs) ? "timeoutMs must be a number of milliseconds"
    : !isLimit(maxRetries) && "maxRetries must be a number";
  if (problem) throw invalid(`${problem}, 0 or more`);
  return { timeoutMs, maxRetries };
}

/** The key and the service's URL, if nothing is wrong with them. */
function address({ apiKey, baseUrl, allowPlainHttp }: CallOptions) {
  const key = String(apiKey ?? "").trim(), base = String(baseUrl ?? "").trim(), url = parseUrl(base);
  const keyProblem = key === "" ? "is not set"
    : /["'`\s]/.test(key) ? "must not have quotes or white space inside"
    : !/^am_(live|test)_/.test(key) ? "must begin with am_live_ or am_test_"
    : !/^.{8}[0-9A-Za-z]{36}$/.test(key) && "must have 36 letters and digits after its prefix; is it cut off?";
  const urlProblem = base === "" ? "is not set"
    : !url ? "is not an absolute URL"
    : url.username || url.password ? "must not have credentials"
    : /[?#]/.test(base) ? "must not have a query or a fragment"
    : !/^https?:$/.test(url.protocol) ? "must be an https URL"
    : url.protocol === "http:" && !allowPlainHttp && !LOOPBACK.test(url.hostname)
      && "must be https: the API key would be sent in the clear. If the network is trusted, set allowPlainHttp";
  const problem = keyProblem ? `api_key ${keyProblem}` : urlProblem && `base_url ${urlProblem}`;
  if (problem) throw new PortalSessionError("Configuration", `billing portal client: ${problem}`);
  return { key, service: url?.href.replace(/\/+$/, "") };
}

/** The value of a header without the white space around it. `option` is what the caller has set. */
function sendable(option: string, value: unknown): string {
  const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
  if (HEADER_VALUE.test(text)) return text;
  throw invalid(`${option} has a character that a header must not have, such as a line break or one outside Latin-1`);
}

/** The caller's further headers: an object, or what else `fetch` accepts as headers. */
function furtherHeaders(given: unknown, redact: Redact): Headers {
  const headers = new Headers(), record = Object(given ?? {});
  const entries: unknown[] = Symbol.iterator in record ? [...record] : Object.entries(record);
  if (record !== (given ?? record) || !entries.every((entry) => Array.isArray(entry) && entry.length === 2)) {
    throw invalid("headers must be an object of names and values");
  }
  for (const [name, value] of entries as [unknown, unknown][]) {
    const lower = String(name).toLowerCase();
    if (!HEADER_NAME.test(lower)) throw invalid("headers has a name that no header may have");
    if (RESERVED.has(lower)) throw invalid(`header ${lower} is set by the client`);
    headers.append(lower, sendable(`headers: ${redact(lower)}`, value));
  }
  return headers;
}

/** What is sent, if nothing is wrong with the options. */
export function prepare(options: CallOptions, method: string, path: string, own: Record<string, string>, body: string | null) {
  const { key, service } = address(options), redact = redactor(key);
  const headers = furtherHeaders(options.headers, redact), { traceparent, tracestate, userAgent } = options;
  // What W3C accepts; later versions than 00 may be longer. `tracestate` means nothing without it.
  const isTraced = /^(?!ff|00.{54})[\da-f]{2}-(?!0+-)[\da-f]{32}-(?!0+-)[\da-f]{16}-[\da-f]{2}(-[!-~]*)?$/.test(traceparent ?? "");
  const trace = isTraced && { traceparent, ...(/^[!-~][\t -~]*$/.test(tracestate ?? "") && { tracestate }) };
  const product = `${sendable("userAgent", userAgent ?? "")} billing-portal-typescript`.trim();
  const fixed = { ...own, accept: "application/json", authorization: `Bearer ${key}`, "user-agent": product, ...trace };
  for (const [name, value] of Object.entries(fixed)) headers.set(name, sendable(name === "idempotency-key" ? "idempotencyKey" : name, value));
  return { redact, url: service + path, request: { method, headers, body, redirect: "manual" as const } };
}

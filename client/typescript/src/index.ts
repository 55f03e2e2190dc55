/**
 * Opens Stripe's hosted billing portal for your customers: the client of the billing portal API. It needs `fetch` and no API
 * of a single runtime, so Node 20, Deno, Bun and workers run it. It is for servers: a browser must not have the key.
 */
import type { BillingPortalErrorCode, BillingPortalKnownErrorCode, BillingPortalRequest, BillingPortalReturnOrigins } from "../types.js";
export type * from "../types.js";

/** How to reach the service, and how long to try. */
export interface CallOptions {
  /** The API key. White space around it is removed. */
  apiKey: string | undefined;
  /** Where the service is, such as `https://billing.example.com`. Plain http is accepted for loopback. */
  baseUrl: string | undefined;
  /** Accepts plain http for any host: the key is then sent in the clear. */
  allowPlainHttp?: boolean;
  /** How long the call may take, tries and pauses together: 30000 ms unless set. */
  timeoutMs?: number;
  /** How often the call may be repeated after its first try: 2 unless set. */
  maxRetries?: number;
  /** The W3C trace context of the request that you answer. A malformed one is not sent. */
  traceparent?: string | null | undefined;
  /** The rest of the trace context. It is sent only with a valid `traceparent`. */
  tracestate?: string | null | undefined;
  /** Further headers. Those that this client or `fetch` sets cannot be changed. */
  headers?: Record<string, string>;
  /** Your program's name and version, such as `shop/2.1`. It precedes this client's own in `User-Agent`. */
  userAgent?: string;
  /** Ends the call early; it then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Another `fetch`, for a proxy or for tests. */
  fetch?: typeof fetch;
}

/** The same for a call that opens a portal, and how the portal opens. */
export interface PortalSessionOptions extends CallOptions, Omit<BillingPortalRequest, "return_url"> {
  /** A text that this call has in common with its repetitions: within a minute they get the same session. */
  idempotencyKey?: string;
}

/** What every success has. */
export interface Success {
  /** The request's id, for the people who run the service. Empty if a proxy has removed it. */
  requestId: string;
  /** The answer's headers. */
  headers: Headers;
}

/** An open portal session. */
export interface PortalSession extends Success {
  /** Where to redirect the browser. */
  portalUrl: PortalUrl;
  /** When the URL expires, by the service's clock; see {@link PortalUrl.isFresh}. */
  expiresAt: Date;
  /** Whether an earlier call with the same idempotency key has opened the session. */
  isReplayed: boolean;
}

/** The origins to which a return URL of the key may lead. */
export interface ReturnOrigins extends Success, BillingPortalReturnOrigins {}

/** Why a call failed; the names are those of the Rust SDK's `Error`. */
export type PortalSessionErrorKind =
  "Configuration" | "InvalidRequest" | "Api" | "UnexpectedAnswer" | "Connect" | "ConnectionRejected" | "Disconnected" | "Timeout";

/** With what a failed call rejects. Its message is one line and contains no secret. */
export class PortalSessionError extends Error {
  /** The error code in the answer. A newer service may send one that is not in the list. */
  readonly code?: BillingPortalErrorCode | undefined;
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
  /** Where the service's reference explains the code of its error and what to do. */
  readonly helpUrl?: string | undefined;
  /** Each wrong field of the request and what is wrong with it. */
  readonly details?: Record<string, string> | undefined;
  /** How many seconds the answer asks to wait. */
  readonly retryAfter?: number | undefined;
  /** The answer's headers. Not printed, because their values may be anything. */
  declare readonly headers?: Headers;

  constructor(readonly kind: PortalSessionErrorKind, message: string, fields: Partial<PortalSessionError> = {}) {
    super(message.replace(/\p{Cc}/gu, (c) => (/\s/.test(c) ? JSON.stringify(c).slice(1, -1) : `\\u{${c.charCodeAt(0).toString(16)}}`)));
    Object.assign(this, fields);
    this.name = "PortalSessionError";
    Object.defineProperty(this, "headers", { enumerable: false });
  }

  /** Whether the same call may succeed later. The retries that the options allow have been made. */
  get isRetryable(): boolean {
    if (this.kind !== "Api" && this.kind !== "UnexpectedAnswer") return /^(Connect|Disconnected|Timeout)$/.test(this.kind);
    if (this.code === "BILLING_PORTAL_UNAVAILABLE") return this.retryAfter !== undefined;
    return RETRYABLE.get(this.code) ?? [408, 429, 500, 502, 503, 504].includes(this.status ?? 0);
  }
}

/** The portal's URL: anyone who has it is signed in, so only {@link expose} and {@link intoRedirect} return it. */
export class PortalUrl {
  readonly #url: string;
  readonly #leftMs: () => number;

  constructor(url: string, leftMs: () => number) { this.#url = url; this.#leftMs = leftMs; }
  /** The URL itself, for the redirect. */
  expose(): string { return this.#url; }
  /** Whether the URL can be used for so many more milliseconds, by the service's clock. */
  isFresh(marginMs: number): boolean { return this.#leftMs() > marginMs; }
  /** A redirect (303) that is not cached and does not tell the portal which page the browser came from. */
  intoRedirect(): Response {
    const headers = { location: this.#url, "cache-control": "no-store", "referrer-policy": "no-referrer" };
    return new Response(null, { status: 303, headers });
  }
  toString(): string { return "PortalUrl(…)"; }
  toJSON(): string { return this.toString(); }
}

/** Whether repeating can pass an error with this code. The status decides about the codes that are not here. */
const RETRYABLE = new Map<string | undefined, boolean>(Object.entries({
  REQUEST_TIMEOUT: true, RATE_LIMITED: true, INTERNAL: true, SERVICE_UNAVAILABLE: true,
  BAD_REQUEST: false, UNAUTHORIZED: false, FORBIDDEN: false, NO_STRIPE_CUSTOMER: false, PAYLOAD_TOO_LARGE: false,
  UNSUPPORTED_MEDIA_TYPE: false, VALIDATION_FAILED: false, NOT_FOUND: false, METHOD_NOT_ALLOWED: false,
} satisfies Record<Exclude<BillingPortalKnownErrorCode, "BILLING_PORTAL_UNAVAILABLE">, boolean>));
/** Headers that HTTP, the contract or this client sets. */
const RESERVED = /^(accept|accept-encoding|authorization|connection|content-(encoding|length|type)|expect|host|idempotency-key|te|trailer|transfer-encoding|upgrade|user-agent)$/i;
/** The hosts of this machine, as a URL's parser writes them. */
const LOOPBACK = /^((.*\.)?localhost\.?|127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]+\])$/;
/** The longest `Retry-After`, in seconds, that is waited for: as long as the default timeout. */
const LONGEST_RETRY_AFTER = 30;
/** The longest time for a try that may be followed by another. The service itself answers within some 12 s. */
const LONGEST_TRY_MS = 15_000;
const isText = (value: unknown): value is string => typeof value === "string";
const parseUrl = (text: string) => (URL.canParse(text) ? new URL(text) : undefined);

/** Seconds in any form of RFC 9110, rounded up; `undefined` if the value is in none. */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get("retry-after") ?? "", [, whole, fraction] = /^(\d+)(?:\.(\d+))?$/.exec(value) ?? [];
  if (whole) return Number(whole) + (/[1-9]/.test(fraction ?? "") ? 1 : 0);
  const until = httpDate(value);
  return until && Math.max(0, Math.ceil((until - (httpDate(headers.get("date")) ?? Date.now())) / 1000));
}

/** Milliseconds since 1970 of an IMF-fixdate or one of the two obsolete forms of dates. */
function httpDate(text: string | null): number | undefined {
  // First asctime's form in the order of the others.
  const ordered = text?.replace(/^([A-Z][a-z]{2}) ([A-Z][a-z]{2}) ([ \d]\d) ([\d:]{8}) (\d{4})$/, "$1, $3 $2 $5 $4 GMT") ?? "";
  const form = /^[A-Z][a-z]+, ([ \d]\d)[ -]([A-Z][a-z]{2})[ -](\d\d(?:\d\d)?) ([\d:]{8}) GMT$/;
  const [, day, month, year = "", time] = form.exec(ordered) ?? [], latest = new Date().getUTCFullYear() + 50;
  // RFC 9110 reads two digits as the year that is at most 50 years ahead.
  const fullYear = year.length === 2 ? latest - ((latest - Number(year)) % 100) : year;
  return Date.parse(`${day} ${month} ${fullYear} ${time} GMT`) || undefined;
}

/** A part of a runtime's text or code, and what it means. The first match counts. */
const FAILURES: [RegExp, PortalSessionErrorKind, string][] = [
  [/ALTNAME_INVALID|not valid for name|NotValidForName/, "ConnectionRejected", "the certificate is for another host name: "],
  [/CERT_|_CERT|SIGNATURE|UNABLE_TO_|certificate/i, "ConnectionRejected", "the certificate is not trusted: "],
  [/WRONG_VERSION_NUMBER|corrupt message/, "ConnectionRejected", "the address of the service does not speak TLS: "],
  // Node reports a 407 without a reason; other runtimes return it as an answer.
  [/\b407\b|proxy authentication|^fetch failed$/i, "ConnectionRejected", "the proxy requires credentials (407): "],
  [/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|CONNECT_TIMEOUT|UNREACH|refused|resolve/i, "Connect", ""],
];

/** The error of a failed `fetch`. Runtimes report the reason in different texts, so the whole chain is searched. */
function transportError(error: unknown, status?: number): PortalSessionError {
  const texts: string[] = [];
  for (let cause = Object(error); cause.message !== undefined; cause = Object(cause.cause)) {
    texts.push(...[cause.code ? `${cause.message} (${cause.code})`.trim() : cause.message].filter(Boolean));
  }
  const last = texts.at(-1) ?? String(error);
  const [, kind, meaning] = FAILURES.find(([part]) => part.test(texts.join("\n"))) ?? [];
  if (kind) return new PortalSessionError(kind, `could not connect to the billing portal service: ${meaning}${last}`);
  const during = status === undefined ? "before an answer" : `during an answer with status ${status}`;
  return new PortalSessionError("Disconnected", `the connection broke ${during}: ${last}`, { status });
}

/** A success, and the error that it is if its data means nothing; throws the error that another answer is. */
function decode({ status, headers }: Response, text: string, url: string) {
  let success: unknown, data: unknown, error: unknown;
  try { ({ success, data, error } = Object(JSON.parse(text))); } catch { /* Not JSON: not the service's. */ }
  const { code, message, request_id: id, details = {} } = Object(error), requestId = headers.get("x-request-id") ?? "";
  const fields = { code: isText(code) ? code.slice(0, 512) : undefined, status, headers, retryAfter: retryAfter(headers) };
  const unexpected = (problem = "without the service's envelope") => {
    const suffix = fields.code === undefined ? "" : `, with the code ${fields.code}`;
    const line = `an answer with status ${status} ${problem}${suffix} (${headers.get("content-type") ?? "no content type"})`;
    return new PortalSessionError("UnexpectedAnswer", line, { ...fields, requestId: requestId || undefined });
  };
  if (status === 200 && success === true) return { data: Object(data), success: { requestId, headers }, unexpected };
  const texts = [code, message, id, ...(Array.isArray(details) ? [0] : Object.values(details ?? [0]))];
  if (status === 200 || success !== false || !texts.every(isText)) throw unexpected();
  const fieldTexts = Object.keys(details).sort().map((field) => `; ${field}: ${details[field]}`);
  const line = `${status} ${code}: ${message}${fieldTexts.join("")} (request ${id})`;
  const helpUrl = `${url.slice(0, url.lastIndexOf("/v1/"))}/docs/reference${/^\w+$/.test(code) ? `#${code}` : ""}`;
  throw new PortalSessionError("Api", line, { ...fields, requestId: id, details, helpUrl });
}

/** The body as text, cut off after some 64 KiB: what is longer cannot be decoded. The service's own answers are under 2 KiB. */
async function readBounded({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > 64 * 1024) break;
  }
  return text + decoder.decode();
}

/** Does some work with a signal that is given when this time is over, or when the caller's signal is. */
async function within<T>(ms: number, signal: AbortSignal | undefined, work: (ended: AbortSignal) => Promise<T>): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController(), end = () => { clearTimeout(timer); controller.abort(); };
  const timer = setTimeout(end, ms);
  signal?.addEventListener("abort", end, { signal: controller.signal });
  return work(controller.signal).finally(end);
}

/** What is sent, if nothing is wrong with the options. */
function prepare(options: CallOptions, method: string, path: string, own: Record<string, string>, body: string | null) {
  const key = options.apiKey?.trim() ?? "", base = options.baseUrl?.trim() ?? "", url = parseUrl(base);
  const keyProblem = key === "" ? "is not set"
    : /["'`\s]/.test(key) ? "must not have quotes or white space inside"
    : !/^am_(live|test)_/.test(key) ? "must begin with am_live_ or am_test_"
    : !/^.{8}[0-9A-Za-z]{36}$/.test(key) && "must have 36 letters and digits after its prefix; is it cut off?";
  const urlProblem = base === "" ? "is not set"
    : !url ? "is not an absolute URL"
    : url.username || url.password ? "must not have credentials"
    : /[?#]/.test(base) ? "must not have a query or a fragment"
    : !/^https?:$/.test(url.protocol) ? "must be an https URL"
    : url.protocol === "http:" && !options.allowPlainHttp && !LOOPBACK.test(url.hostname)
      && "must be https: the API key would be sent in the clear. If the network is trusted, set allowPlainHttp";
  const problem = keyProblem ? `api_key ${keyProblem}` : urlProblem && `base_url ${urlProblem}`;
  if (problem) throw new PortalSessionError("Configuration", `billing portal client: ${problem}`);
  const headers = new Headers(options.headers), reserved = [...headers.keys()].find((name) => RESERVED.test(name));
  if (reserved) throw new PortalSessionError("InvalidRequest", `header ${reserved} is set by the client; nothing was sent`);
  const { traceparent, tracestate, userAgent = "" } = options;
  // What W3C accepts; later versions than 00 may be longer. `tracestate` means nothing without it.
  const isTraced = /^(?!ff|00.{54})[\da-f]{2}-(?!0+-)[\da-f]{32}-(?!0+-)[\da-f]{16}-[\da-f]{2}(-[!-~]*)?$/.test(traceparent ?? "");
  const trace = isTraced && { traceparent, ...(/^[!-~][\t -~]*$/.test(tracestate ?? "") && { tracestate }) };
  const product = `${userAgent} billing-portal-typescript`.trim();
  const fixed = { ...own, accept: "application/json", authorization: `Bearer ${key}`, "user-agent": product, ...trace };
  for (const [name, value] of Object.entries(fixed)) headers.set(name, String(value));
  return { key, url: url?.href.replace(/\/+$/, "") + path, request: { method, headers, body, redirect: "manual" as const } };
}

/** A call of any operation, with its retries. `ageMs` of its success is the time since its request was sent at `sentAt`. */
async function call(options: CallOptions, method: string, path: string, own = {}, body: string | null = null) {
  const { key, url, request } = prepare(options, method, path, own, body);
  const { timeoutMs = 30_000, maxRetries = 2, signal, fetch = globalThis.fetch } = options;
  const started = performance.now(), spent = () => performance.now() - started, left = () => timeoutMs - spent();
  const attempt = async (ended: AbortSignal) => {
    // One clock never jumps, the other runs while the machine sleeps.
    const sentAt = Date.now(), monotonic = performance.now();
    const ageMs = () => Math.max(performance.now() - monotonic, Date.now() - sentAt);
    let response: Response | undefined;
    try {
      response = await fetch(url, { ...request, signal: ended });
      if (response.status === 407) throw transportError(new Error("407 Proxy Authentication Required"));
      return { sentAt, ageMs, ...decode(response, (await readBounded(response)).replaceAll(key, "[api key]"), url) };
    } catch (error) {
      if (error instanceof PortalSessionError) throw error;
      if (!ended.aborted) throw transportError(error, response?.status);
      throw new PortalSessionError("Timeout", `no answer from the billing portal service within ${(spent() / 1000).toFixed(1)} s`);
    }
  };

  for (let number = 1; ; number++) {
    const isLast = number > maxRetries;
    try {
      return await within(isLast ? left() : Math.min(left() / 2, LONGEST_TRY_MS), signal, attempt);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof PortalSessionError) || isLast || !error.isRetryable) throw error;
      const asked = error.retryAfter ?? 0;
      // Full jitter, so that clients that failed together do not return together.
      const pause = asked * 1000 + Math.random() * Math.min(200 * 2 ** (number - 1), 5000);
      if (asked > LONGEST_RETRY_AFTER || pause >= left()) throw error;
      await within(pause, signal, (ended) => new Promise((resolve) => ended.addEventListener("abort", resolve)));
    }
  }
}

/** Opens the portal for the key's organization. Its "return" link leads to `returnUrl`, an https URL of an allowed origin. */
export async function createPortalSession(returnUrl: string, options: PortalSessionOptions): Promise<PortalSession> {
  const { flow, locale, idempotencyKey: key } = options;
  const sent = { "content-type": "application/json", ...(key !== undefined && { "idempotency-key": key }) };
  const body = JSON.stringify({ return_url: returnUrl, flow, locale });
  const { data, success, sentAt, ageMs, unexpected } = await call(options, "POST", "/v1/billing/portal", sent, body);
  const { portal_url: url, expires_at: expires }: Record<string, unknown> = data, expiresAt = new Date(String(expires));
  if (!isText(url) || !isText(expires) || isNaN(expiresAt.getTime())) throw unexpected();
  // A simulated portal's URL may be http on this machine, as a parser writes it: a browser then finds the same host in it.
  const at = parseUrl(url), isLocal = at?.href === url && url.startsWith(`http://${at.host}/`) && LOOPBACK.test(at.hostname);
  if (!isLocal && !/^https:\/\/[0-9A-Za-z][!-~]*$/.test(url)) throw unexpected("whose portal URL is not valid");
  // The service wrote its time after the request was sent, in whole seconds.
  const date = httpDate(success.headers.get("date")), lifetime = expiresAt.getTime() - (date === undefined ? sentAt : date + 1000);
  const isReplayed = success.headers.get("idempotent-replayed") === "true";
  return { portalUrl: new PortalUrl(url, () => lifetime - ageMs()), expiresAt, isReplayed, ...success };
}

/** Lists the origins to which a return URL of the key may lead, for a check before a customer clicks. */
export async function listReturnOrigins(options: CallOptions): Promise<ReturnOrigins> {
  const { data: { origins }, success, unexpected } = await call(options, "GET", "/v1/billing/return-origins");
  if (!Array.isArray(origins) || !origins.every(isText)) throw unexpected();
  return { origins, ...success };
}

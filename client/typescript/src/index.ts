/**
 * Opens Stripe's hosted billing portal for your customers: the client of the billing portal API. It needs `fetch` and no API
 * of a single runtime, so Node 20, Deno, Bun and workers run it. It is for servers: a browser must not have the key.
 */
import type { BillingPortalErrorCode, BillingPortalFlow, BillingPortalKnownErrorCode, BillingPortalLocale } from "../types.js";

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
  /** Further headers, such as `traceparent`. Those that this client or `fetch` sets cannot be changed. */
  headers?: Record<string, string>;
  /** Your program's name and version, such as `shop/2.1`. It precedes this client's own in `User-Agent`. */
  userAgent?: string;
  /** Ends the call early; it then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Another `fetch`, for a proxy or for tests. */
  fetch?: typeof fetch;
}

/** The same for a call that opens a portal, and how the portal opens. */
export interface PortalSessionOptions extends CallOptions {
  /** Opens the portal at one task; when the customer has done it, the browser returns to the return URL. */
  flow?: BillingPortalFlow;
  /** The portal's language. */
  locale?: BillingPortalLocale;
  /** A text that this call has in common with its repetitions: within a minute they get the same session. */
  idempotencyKey?: string;
}

/** An open portal session. */
export interface PortalSession {
  /** Where to redirect the browser. */
  portalUrl: PortalUrl;
  /** When the URL expires, by the service's clock; see {@link PortalUrl.isFresh}. */
  expiresAt: Date;
  /** The request's id, for the people who run the service. Empty if a proxy has removed it. */
  requestId: string;
  /** Whether an earlier call with the same idempotency key has opened the session. */
  isReplayed: boolean;
  /** The answer's headers. */
  headers: Headers;
}

/** The origins to which a return URL of the key may lead. */
export interface ReturnOrigins {
  /** Each with its scheme, its host and, if it is not the scheme's default, its port, such as `https://app.example.com`. */
  origins: string[];
  /** The request's id, for the people who run the service. Empty if a proxy has removed it. */
  requestId: string;
  /** The answer's headers. */
  headers: Headers;
}

/** Why a call failed; the names are those of the Rust SDK's `Error`. */
export type PortalSessionErrorKind =
  "Configuration" | "InvalidRequest" | "Api" | "UnexpectedAnswer" | "Connect" | "ConnectionRejected" | "Disconnected" | "Timeout";

/** The error of a failed call. Its message is one line and contains no secret. */
export class PortalSessionError extends Error {
  /** The error code in the answer. A newer service may send one that is not in the list. */
  readonly code?: BillingPortalErrorCode | undefined;
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
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
    if (this.kind === "Api" || this.kind === "UnexpectedAnswer") {
      if (this.code === "BILLING_PORTAL_UNAVAILABLE") return this.retryAfter !== undefined;
      return RETRYABLE.get(this.code) ?? [408, 429, 500, 502, 503, 504].includes(this.status ?? 0);
    }
    return this.kind === "Connect" || this.kind === "Disconnected" || this.kind === "Timeout";
  }
}

/** The portal's URL: anyone who has it is signed in, so only {@link expose} and {@link intoRedirect} return it. */
export class PortalUrl {
  readonly #url: string;
  readonly #isFresh: (marginMs: number) => boolean;

  constructor(url: string, isFresh: (marginMs: number) => boolean) {
    this.#url = url;
    this.#isFresh = isFresh;
  }
  /** The URL itself, for the redirect. */
  expose(): string { return this.#url; }
  /** Whether the URL can be used for so many more milliseconds, by the service's clock. */
  isFresh(marginMs: number): boolean { return this.#isFresh(marginMs); }
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
/** The most bytes of an answer that are read. The service's own answers are under 2 KiB. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** The longest `Retry-After`, in seconds, that is waited for: as long as the default timeout. */
const LONGEST_RETRY_AFTER = 30;
/** The longest time for a try that may be followed by another. The service itself answers within some 12 s. */
const LONGEST_TRY_MS = 15_000;

const configuration = (setting: string, problem: string) =>
  new PortalSessionError("Configuration", `billing portal client: ${setting} ${problem}`);

function parseApiKey(value = ""): string {
  const key = value.trim();
  const problem = key === "" ? "is not set"
    : /["'`\s]/.test(key) ? "must not have quotes or white space inside"
    : !/^am_(live|test)_/.test(key) ? "must begin with am_live_ or am_test_"
    : !/^.{8}[0-9A-Za-z]{36}$/.test(key) ? "must have 36 letters and digits after its prefix; is it cut off?" : undefined;
  if (problem) throw configuration("api_key", problem);
  return key;
}

function parseBaseUrl(value = "", allowPlainHttp: boolean): string {
  const text = value.trim(), url = URL.canParse(text) ? new URL(text) : undefined;
  const isLoopback = /^(([^/]*\.)?localhost\.?|127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]+\])$/;
  const problem = text === "" ? "is not set"
    : !url ? "is not an absolute URL"
    : url.username || url.password ? "must not have credentials"
    : /[?#]/.test(text) ? "must not have a query or a fragment"
    : !/^https?:$/.test(url.protocol) ? "must be an https URL"
    : url.protocol === "http:" && !allowPlainHttp && !isLoopback.test(url.hostname)
      ? "must be https: the API key would be sent in the clear. If the network is trusted, set allowPlainHttp" : undefined;
  if (!url || problem) throw configuration("base_url", problem ?? "");
  return url.href.replace(/\/+$/, "");
}

/** Seconds in any form of RFC 9110, rounded up; `undefined` if the value is in none. */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get("retry-after") ?? "";
  const seconds = /^(\d+)(?:\.(\d+))?$/.exec(value);
  if (seconds) return Number(seconds[1]) + (/[1-9]/.test(seconds[2] ?? "") ? 1 : 0);
  const until = httpDate(value);
  return until && Math.max(0, Math.ceil((until - (httpDate(headers.get("date") ?? "") ?? Date.now())) / 1000));
}

/** Milliseconds since 1970 of an IMF-fixdate or one of the two obsolete forms of dates. */
function httpDate(text: string): number | undefined {
  const [, day, month, digits, time] = /^[A-Z][a-z]+day, (\d\d)-([A-Z][a-z]{2})-(\d\d) ([\d:]{8}) GMT$/.exec(text) ?? [];
  let date = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT$/.test(text) ? text : "";
  if (/^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4}$/.test(text)) date = `${text} GMT`;
  if (digits) {
    // RFC 9110 reads two digits as the year that is at most 50 years ahead.
    const now = new Date().getUTCFullYear();
    date = `${day} ${month} ${now + 50 - ((now + 50 - Number(digits)) % 100)} ${time} GMT`;
  }
  const milliseconds = Date.parse(date);
  return isNaN(milliseconds) ? undefined : milliseconds;
}

/** Failures that repeating cannot pass: a part of a runtime's text or code, and what it means. The first match counts. */
const PERMANENT: [RegExp, string][] = [
  [/ALTNAME_INVALID|not valid for name|NotValidForName/, "the certificate is for another host name"],
  [/CERT_|_CERT|SIGNATURE|UNABLE_TO_|certificate/i, "the certificate is not trusted"],
  [/WRONG_VERSION_NUMBER|corrupt message/, "the address of the service does not speak TLS"],
  // Node reports a 407 without a reason; other runtimes return it as an answer.
  [/\b407\b|proxy authentication|^fetch failed$/i, "the proxy requires credentials (407)"],
];

/** The error of a failed `fetch`. Runtimes report the reason in different texts, so the whole chain is searched. */
function transportError(error: unknown, status: number | undefined): PortalSessionError {
  const causes: string[] = [];
  for (let cause = Object(error); cause.message !== undefined; cause = Object(cause.cause)) {
    const text = [cause.message, cause.code && `(${cause.code})`].filter(Boolean).join(" ");
    if (text) causes.push(text);
  }
  const all = causes.join("\n"), last = causes.at(-1) ?? String(error);
  const start = "could not connect to the billing portal service: ";
  const permanent = PERMANENT.find(([part]) => part.test(all))?.[1];
  if (permanent) return new PortalSessionError("ConnectionRejected", `${start}${permanent}: ${last}`);
  if (status === undefined && /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|CONNECT_TIMEOUT|UNREACH|refused|resolve/i.test(all)) {
    return new PortalSessionError("Connect", start + last);
  }
  const during = status === undefined ? "before an answer" : `during an answer with status ${status}`;
  return new PortalSessionError("Disconnected", `the connection broke ${during}: ${last}`, { status });
}

/** The body as text, cut off at {@link MAX_ANSWER_BYTES}: what is longer cannot be decoded. */
async function readBounded(response: Response): Promise<string> {
  const decoder = new TextDecoder(), reader = response.body?.getReader();
  let text = "";
  for (let size = 0; reader && size <= MAX_ANSWER_BYTES; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.length;
    text += decoder.decode(value, { stream: true });
  }
  await reader?.cancel();
  return text;
}

/** The service's envelope, as far as it is one. */
interface Envelope { success?: unknown; data?: unknown; error?: unknown }
/** When a request was sent, by two clocks. */
interface Sent { monotonic: number; wall: number }
/** What a success means; a text is the reason why it means nothing. */
type Reader<T> = (answer: Envelope, headers: Headers, sent: Sent) => T | string;

const NO_ENVELOPE = "without the service's envelope";
const requestIdOf = (headers: Headers) => headers.get("x-request-id") ?? "";

const readSession: Reader<PortalSession> = (answer, headers, sent) => {
  const { portal_url: url, expires_at: expires } = Object(answer.data);
  if (typeof url !== "string" || typeof expires !== "string" || isNaN(Date.parse(expires))) return NO_ENVELOPE;
  if (answer.success !== true || !/^https:\/\/[0-9A-Za-z][!-~]*$/.test(url)) return "whose portal URL is not valid";
  const expiresAt = new Date(expires);
  // The service wrote its time after the request was sent, in whole seconds.
  const date = httpDate(headers.get("date") ?? "");
  const whole = expiresAt.getTime() - (date === undefined ? sent.wall : date + 1000);
  const isFresh = (marginMs: number) =>
    whole - Math.max(performance.now() - sent.monotonic, Date.now() - sent.wall) > marginMs;
  const isReplayed = headers.get("idempotent-replayed") === "true";
  return { portalUrl: new PortalUrl(url, isFresh), expiresAt, requestId: requestIdOf(headers), isReplayed, headers };
};

const readOrigins: Reader<ReturnOrigins> = (answer, headers) => {
  const { origins } = Object(answer.data);
  const isList = Array.isArray(origins) && origins.every((origin) => typeof origin === "string");
  return isList && answer.success === true ? { origins, requestId: requestIdOf(headers), headers } : NO_ENVELOPE;
};

/** What a successful answer means, or the error that the answer is. */
function decode<T>(response: Response, text: string, sent: Sent, read: Reader<T>): T {
  const { status, headers } = response;
  let answer: Envelope = {};
  try { answer = Object(JSON.parse(text)); } catch { /* Not JSON: not the service's. */ }
  const success = status === 200 ? read(answer, headers, sent) : NO_ENVELOPE;
  if (typeof success !== "string") return success;
  const { code, message, request_id: id, details = {} } = Object(answer.error);
  const fields = { code: typeof code === "string" ? code.slice(0, 512) : undefined, status, headers, retryAfter: retryAfter(headers) };
  const isText = (value: unknown) => typeof value === "string";
  const texts = [code, message, id, ...(Array.isArray(details) ? [0] : Object.values(details ?? [0]))];
  if (status !== 200 && answer.success === false && texts.every(isText)) {
    const fieldTexts = Object.keys(details).sort().map((field) => `; ${field}: ${details[field]}`);
    const line = `${status} ${code}: ${message}${fieldTexts.join("")} (request ${id})`;
    throw new PortalSessionError("Api", line, { ...fields, requestId: id, details });
  }
  const suffix = fields.code === undefined ? "" : `, with the code ${fields.code}`;
  const line = `an answer with status ${status} ${success}${suffix} (${headers.get("content-type") ?? "no content type"})`;
  throw new PortalSessionError("UnexpectedAnswer", line, { ...fields, requestId: requestIdOf(headers) || undefined });
}

/** What a call sends. */
interface Sending { method: string; path: string; headers: Record<string, string>; body?: string }

/** A call of any operation, with its retries. */
async function call<T>(options: CallOptions, sending: Sending, read: Reader<T>): Promise<T> {
  const key = parseApiKey(options.apiKey);
  const url = parseBaseUrl(options.baseUrl, options.allowPlainHttp ?? false) + sending.path;
  const { timeoutMs = 30_000, maxRetries = 2, signal, fetch = globalThis.fetch } = options;
  const headers = new Headers(options.headers);
  for (const name of headers.keys()) {
    if (RESERVED.test(name)) throw new PortalSessionError("InvalidRequest", `header ${name} is set by the client; nothing was sent`);
  }
  for (const [name, value] of Object.entries(sending.headers)) headers.set(name, value);
  headers.set("accept", "application/json");
  headers.set("authorization", `Bearer ${key}`);
  headers.set("user-agent", `${options.userAgent ?? ""} billing-portal-typescript`.trim());
  const request: RequestInit = { method: sending.method, headers, redirect: "manual" };
  if (sending.body !== undefined) request.body = sending.body;
  const started = performance.now(), left = () => timeoutMs - (performance.now() - started);

  const attempt = async (shareMs: number): Promise<T> => {
    const controller = new AbortController(), abort = () => controller.abort(signal?.reason);
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    const timer = setTimeout(() => controller.abort(), shareMs);
    const sent = { monotonic: performance.now(), wall: Date.now() };
    let response: Response | undefined;
    try {
      response = await fetch(url, { ...request, signal: controller.signal });
      if (response.status === 407) throw transportError(new Error("407 Proxy Authentication Required"), 407);
      return decode(response, (await readBounded(response)).replaceAll(key, "[api key]"), sent, read);
    } catch (error) {
      if (error instanceof PortalSessionError || signal?.aborted) throw error;
      if (!controller.signal.aborted) throw transportError(error, response?.status);
      const after = ((timeoutMs - left()) / 1000).toFixed(1);
      throw new PortalSessionError("Timeout", `no answer from the billing portal service within ${after} s`);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  };

  for (let number = 1; ; number++) {
    const isLast = number > maxRetries;
    try {
      return await attempt(isLast ? left() : Math.min(left() / 2, LONGEST_TRY_MS));
    } catch (error) {
      if (!(error instanceof PortalSessionError) || isLast || !error.isRetryable) throw error;
      const asked = error.retryAfter ?? 0;
      // Full jitter, so that clients that failed together do not return together.
      const pause = asked * 1000 + Math.random() * Math.min(200 * 2 ** (number - 1), 5000);
      if (asked > LONGEST_RETRY_AFTER || pause >= left()) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/**
 * Opens the portal for the organization that owns the key. `returnUrl` is where the portal's "return" link leads: an https
 * URL of an origin that the service allows. Rejects with a {@link PortalSessionError}.
 */
export async function createPortalSession(returnUrl: string, options: PortalSessionOptions): Promise<PortalSession> {
  const { flow, locale, idempotencyKey } = options;
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
  const body = JSON.stringify({ return_url: returnUrl, flow, locale });
  return call(options, { method: "POST", path: "/v1/billing/portal", headers, body }, readSession);
}

/**
 * Lists the origins to which a return URL of the key may lead, so that a program can check its configuration before a
 * customer clicks. Rejects with a {@link PortalSessionError}.
 */
export async function listReturnOrigins(options: CallOptions): Promise<ReturnOrigins> {
  return call(options, { method: "GET", path: "/v1/billing/return-origins", headers: {} }, readOrigins);
}

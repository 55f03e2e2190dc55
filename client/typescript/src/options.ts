// What a caller may set, and the request that it makes.
import { PortalSessionError } from "./error.js";

/** How to reach the service, and how long to try. */
export interface CallOptions {
  /** The API key. White space around it is removed. */
  apiKey: string | undefined;
  /** Where the service is, such as `https://billing.example.com`. Plain http is accepted for loopback. */
  baseUrl: string | undefined;
  /** Accepts plain http for any host: the key is then sent in the clear. */
  allowPlainHttp?: boolean;
  /** How long the call may take, tries and pauses together: 30000 ms unless set. `Infinity` is no limit. */
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

/** Headers that HTTP, the contract or this client sets. */
const RESERVED = /^(accept|accept-encoding|authorization|connection|content-(encoding|length|type)|expect|host|idempotency-key|te|trailer|transfer-encoding|upgrade|user-agent)$/i;
/** The hosts of this machine, as a URL's parser writes them. */
export const LOOPBACK = /^((.*\.)?localhost\.?|127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]+\])$/;

export const parseUrl = (text: string) => (URL.canParse(text) ? new URL(text) : undefined);

/** The options that limit a call, if they are numbers that can. */
export function limits({ timeoutMs = 30_000, maxRetries = 2 }: CallOptions) {
  const isLimit = (value: unknown) => typeof value === "number" && value >= 0;
  const problem = !isLimit(timeoutMs) ? "timeoutMs must be a number of milliseconds"
    : !isLimit(maxRetries) && "maxRetries must be a number";
  if (problem) throw new PortalSessionError("InvalidRequest", `${problem}, 0 or more; nothing was sent`);
  return { timeoutMs, maxRetries };
}

/** What is sent, if nothing is wrong with the options. */
export function prepare(options: CallOptions, method: string, path: string, own: Record<string, string>, body: string | null) {
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

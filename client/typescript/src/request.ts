// The request that a caller's options make, and its limits.
import { PortalSessionError } from "./error.js";
import type { CallOptions } from "./options.js";
import { redactor } from "./redact.js";

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
  return { redact: redactor(key), url: url?.href.replace(/\/+$/, "") + path, request: { method, headers, body, redirect: "manual" as const } };
}

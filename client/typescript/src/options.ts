// What a caller may set.
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

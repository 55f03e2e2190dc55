// A call with its retries and its one deadline.
import { decode, readBounded } from "./answer.js";
import { PortalSessionError } from "./error.js";
import type { CallOptions } from "./options.js";
import { redactHeaders } from "./redact.js";
import { limits, prepare } from "./request.js";
import { transportError } from "./transport.js";

/** The longest `Retry-After`, in seconds, that is waited for: as long as the default timeout. */
const LONGEST_RETRY_AFTER = 30;
/** The longest time for a try that may be followed by another. The service itself answers within some 12 s. */
const LONGEST_TRY_MS = 15_000;
/** The longest time, some 24 days, that a timer can run: runtimes end a longer one at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * The result of some work, or `undefined` when this time is over; throws the reason of the caller's signal. Work that ignores
 * the signal that it gets goes on alone, and nothing reports its end.
 */
async function within<T>(ms: number, signal: AbortSignal | undefined | null, work: (ended: AbortSignal) => Promise<T>) {
  signal?.throwIfAborted();
  const controller = new AbortController(), ended = controller.signal, end = () => controller.abort();
  const timer = setTimeout(end, Math.min(ms, LONGEST_TIMER_MS));
  signal?.addEventListener("abort", end, { signal: ended });
  const over = new Promise<undefined>((resolve) => ended.addEventListener("abort", () => resolve(undefined)));
  try {
    return await Promise.race([over, work(ended)]);
  } finally {
    clearTimeout(timer);
    end();
    signal?.throwIfAborted();
  }
}

/** A call of any operation, with its retries. `ageMs` of its success is the time since its request was sent at `sentAt`. */
export async function call(options: CallOptions, method: string, path: string, own = {}, body: string | null = null) {
  const { redact, url, request } = prepare(options, method, path, own, body);
  const { timeoutMs, maxRetries } = limits(options), { signal } = options, fetch = options.fetch ?? globalThis.fetch;
  const started = performance.now(), spent = () => performance.now() - started, left = () => timeoutMs - spent();
  const attempt = async (ended: AbortSignal) => {
    // One clock never jumps, the other runs while the machine sleeps.
    const sentAt = Date.now(), monotonic = performance.now();
    const ageMs = () => Math.max(performance.now() - monotonic, Date.now() - sentAt);
    let response: Response | undefined;
    try {
      response = await fetch(url, { ...request, signal: ended });
      if (ended.aborted) await response.body?.cancel();
      if (response.status === 407) throw transportError(new Error("407 Proxy Authentication Required"), redact);
      const headers = redactHeaders(response.headers, redact), text = redact(await readBounded(response));
      return { sentAt, ageMs, ...decode(response.status, headers, text, redact(url)) };
    } catch (error) {
      throw response && error instanceof PortalSessionError ? error : transportError(error, redact, response?.status);
    }
  };

  for (let number = 1; ; number++) {
    const isLast = number > maxRetries;
    try {
      const answer = await within(isLast ? left() : Math.min(left() / 2, LONGEST_TRY_MS), signal, attempt);
      if (answer) return answer;
      throw new PortalSessionError("Timeout", `no answer from the billing portal service within ${(spent() / 1000).toFixed(1)} s`);
    } catch (error) {
      if (!(error instanceof PortalSessionError) || isLast || !error.isRetryable) throw error;
      const asked = error.retryAfter ?? 0;
      // Full jitter, so that clients that failed together do not return together.
      const pause = asked * 1000 + Math.random() * Math.min(200 * 2 ** (number - 1), 5000);
      if (asked > LONGEST_RETRY_AFTER || pause >= left()) throw error;
      await within(pause, signal, () => new Promise<never>(() => {}));
    }
  }
}

// Why there is no answer.
import { PortalSessionError, type PortalSessionErrorKind } from "./error.js";

/** A part of a runtime's text or code, and what it means. The first match counts. */
const FAILURES: [RegExp, PortalSessionErrorKind, string][] = [
  [/ALTNAME_INVALID|not valid for name|NotValidForName/, "ConnectionRejected", "the certificate is for another host name: "],
  [/CERT_|_CERT|SIGNATURE|UNABLE_TO_|certificate/i, "ConnectionRejected", "the certificate is not trusted: "],
  [/WRONG_VERSION_NUMBER|corrupt message/, "ConnectionRejected", "the address of the service does not speak TLS: "],
  // Node reports a 407 without a reason; other runtimes return it as an answer.
  [/\b407\b|proxy authentication|^fetch failed$/i, "ConnectionRejected", "the proxy requires credentials (407): "],
  [/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|CONNECT_TIMEOUT|UNREACH|refused|resolve/i, "Connect", ""],
];

/** How many causes are looked at. Runtimes nest three; a chain may be endless. */
const LONGEST_CHAIN = 8;

/** The error of a failed `fetch`. Runtimes report the reason in different texts, so the whole chain is searched. */
export function transportError(error: unknown, status?: number): PortalSessionError {
  const texts: string[] = [];
  for (let cause = Object(error), depth = 0; cause.message !== undefined && depth < LONGEST_CHAIN; depth++, cause = Object(cause.cause)) {
    texts.push(...[cause.code ? `${cause.message} (${cause.code})`.trim() : cause.message].filter(Boolean));
  }
  const last = texts.at(-1) ?? String(error);
  const [, kind, meaning] = FAILURES.find(([part]) => part.test(texts.join("\n"))) ?? [];
  if (kind) return new PortalSessionError(kind, `could not connect to the billing portal service: ${meaning}${last}`);
  const during = status === undefined ? "before an answer" : `during an answer with status ${status}`;
  return new PortalSessionError("Disconnected", `the connection broke ${during}: ${last}`, { status });
}

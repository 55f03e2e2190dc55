// Why there is no answer.
import { isText } from "./answer.js";
import { PortalSessionError, type PortalSessionErrorKind } from "./error.js";
import type { Redact } from "./redact.js";

type Meaning = [pattern: RegExp, kind: PortalSessionErrorKind, meaning: string];
const OTHER_NAME = "the certificate is for another host name";
const NOT_TRUSTED = "the certificate is not trusted";
const NO_TLS = "the address of the service does not speak TLS";
const NO_VERSION = "the service and this client have no version of TLS in common";
// One alert says either.
const NO_CIPHER = "the service and this client have no TLS cipher in common, or the service requires a client certificate";
const NO_CLIENT_CERTIFICATE = "the service requires a client certificate that it accepts";
const TOO_WEAK = "the TLS of the service is too weak for this client, or the reverse";
const UNKNOWN_NAME = "the service does not know the host name of its address";
const NO_HTTP = "the service does not speak HTTP over TLS as this client does";
const PROXY = "the proxy requires credentials (407)";

/** What a code of Node or Bun means. The first match counts. */
const CODES: Meaning[] = [
  [/^ERR_TLS_CERT_ALTNAME_|^HOSTNAME_MISMATCH$/, "ConnectionRejected", OTHER_NAME],
  [/^(?!ERR_)(\w*(CERT|CRL|SIGNATURE)|UNABLE_TO_|INVALID_(CA|PURPOSE)$|PATH_LENGTH_EXCEEDED$)/, "ConnectionRejected", NOT_TRUSTED],
  [/^ERR_SSL_CERTIFICATE_VERIFY_FAILED$/, "ConnectionRejected", NOT_TRUSTED],
  [/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTPS?_(PROXY_)?REQUEST|UNKNOWN_PROTOCOL)$/, "ConnectionRejected", NO_TLS],
  [/^ERR_SSL_(\w+_ALERT_PROTOCOL_VERSION|\w*(UNSUPPORTED|NO)_PROTOCOLS?(_\w+)?|\w*SSL_VERSION|VERSION_TOO_LOW)$/, "ConnectionRejected", NO_VERSION],
  [/^ERR_SSL_(\w+_ALERT_HANDSHAKE_FAILURE|NO_SHARED_CIPHER|NO_CIPHER\w+)$/, "ConnectionRejected", NO_CIPHER],
  [/^ERR_SSL_\w+_ALERT_(\w*CERTIFICATE\w*|UNKNOWN_CA|ACCESS_DENIED)$/, "ConnectionRejected", NO_CLIENT_CERTIFICATE],
  [/^ERR_SSL_(\w+_INSUFFICIENT_SECURITY|\w+_TOO_(SMALL|WEAK)|UNSAFE_LEGACY\w+)$/, "ConnectionRejected", TOO_WEAK],
  [/^ERR_SSL_\w+_UNRECOGNIZED_NAME$/, "ConnectionRejected", UNKNOWN_NAME],
  [/^ERR_SSL_\w*NO_APPLICATION_PROTOCOL$/, "ConnectionRejected", NO_HTTP],
  [/^(ECONNREFUSED|ENOTFOUND|EAI_\w+|E(HOST|NET)(UNREACH|DOWN)|UND_ERR_CONNECT_TIMEOUT)$/, "Connect", ""],
  [/^(ConnectionRefused|FailedToOpenSocket)$/, "Connect", ""],
];
/** What a text without a code means. A text may contain an address, so only its beginning and what follows ": " count. */
const TEXTS: Meaning[] = [
  [/(^|: )invalid peer certificate: .*(not valid for name|NotValidForName)/, "ConnectionRejected", OTHER_NAME],
  [/(^|: )invalid peer certificate: /, "ConnectionRejected", NOT_TRUSTED],
  [/(^|: )received corrupt message /, "ConnectionRejected", NO_TLS],
  [/(^|: )(received fatal alert: ProtocolVersion|peer is incompatible: \w*DoesNotSupportTls)/, "ConnectionRejected", NO_VERSION],
  [/(^|: )(received fatal alert: HandshakeFailure|peer is incompatible: No\w+InCommon)/, "ConnectionRejected", NO_CIPHER],
  [/(^|: )received fatal alert: (\w*Certificate|UnknownCA|AccessDenied)/, "ConnectionRejected", NO_CLIENT_CERTIFICATE],
  [/(^|: )received fatal alert: InsufficientSecurity/, "ConnectionRejected", TOO_WEAK],
  [/(^|: )received fatal alert: Unrecogni[sz]edName/, "ConnectionRejected", UNKNOWN_NAME],
  [/(^|: )received fatal alert: NoApplicationProtocol/, "ConnectionRejected", NO_HTTP],
  [/^407 Proxy |^Proxy response \(407\) |(^|: )proxy auth(entication|orization) required/, "ConnectionRejected", PROXY],
  [/(^|: )(tcp connect error|dns error)(: |$)/, "Connect", ""],
];
/** How many causes are looked at. Runtimes nest three; a chain may be endless. */
const LONGEST_CHAIN = 8;

/** An error or one of its causes. */
interface Link { code: string | undefined; message: string }

/** A link with the code that Node makes of OpenSSL's text, and without the text, which names addresses and files of its source. */
function withoutOpenSsl({ code, message }: Link): Link {
  const [, reason] = /\berror:[\dA-F]{8}:[^:]*:[^:]*:([^:]+)/i.exec(message) ?? [];
  const made = reason && `ERR_SSL_${reason.toUpperCase().replace(/[^A-Z\d]+/g, "_")}`;
  return made ? { code: code?.startsWith("ERR_SSL_") ? code : made, message: "" } : { code, message };
}

/** An error and its causes, from the outermost. */
function chain(error: unknown) {
  const links: Link[] = [];
  for (let cause = Object(error); cause.message !== undefined && links.length < LONGEST_CHAIN; cause = Object(cause.cause)) {
    links.push(withoutOpenSsl({ code: isText(cause.code) ? cause.code : undefined, message: String(cause.message) }));
  }
  return links;
}

/** What an error of a chain means, if it is a known one. */
function meaningOf({ code, message }: Link) {
  // The library of Node's `fetch` gives this code to each request that it ends, also because of a proxy.
  const table = code === undefined || code === "UND_ERR_ABORTED" ? TEXTS : CODES, text = table === CODES ? code : message;
  return table.find(([pattern]) => pattern.test(text ?? ""));
}

/** What went wrong: what it means, the runtime's text and its code, as far as they are known. */
function describe(error: unknown, last: Link | undefined, meaning = "") {
  if (!last) return Object(error) === error ? "an error without a text" : String(error);
  const text = last.message || (!meaning && last.code?.startsWith("ERR_SSL_") ? "TLS failed" : "");
  return [[meaning, text].filter(Boolean).join(": "), last.code && `(${last.code})`].filter(Boolean).join(" ");
}

/** The error of a failed `fetch`. Runtimes report the reason at different depths, so the whole chain is searched. */
export function transportError(error: unknown, redact: Redact, status?: number): PortalSessionError {
  const links = chain(error), last = links.filter(({ code, message }) => code || message).at(-1);
  if (last?.message === "bad port") {
    return new PortalSessionError("Configuration", "billing portal client: base_url has a port that fetch does not connect to");
  }
  // Node reports a 407 without a reason; other runtimes return it as an answer.
  const isProxy = last?.message === "fetch failed" && last === links[0];
  const [, kind, meaning] = isProxy ? [, "ConnectionRejected" as const, PROXY] : links.map(meaningOf).reverse().find(Boolean) ?? [];
  const reason = redact(describe(error, last, meaning));
  if (kind) return new PortalSessionError(kind, `could not connect to the billing portal service: ${reason}`);
  const during = status === undefined ? "before an answer" : `during an answer with status ${status}`;
  return new PortalSessionError("Disconnected", `the connection broke ${during}: ${reason}`, { status });
}

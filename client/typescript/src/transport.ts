// Why there is no answer.
import { isText } from "./answer.js";
import { PortalSessionError, type PortalSessionErrorKind } from "./error.js";

type Meaning = [pattern: RegExp, kind: PortalSessionErrorKind, meaning: string];
const OTHER_NAME = "the certificate is for another host name";
const NOT_TRUSTED = "the certificate is not trusted";
const NO_TLS = "the address of the service does not speak TLS";
const PROXY = "the proxy requires credentials (407)";

/** What a code of Node or Bun means. The first match counts. */
const CODES: Meaning[] = [
  [/^ERR_TLS_CERT_ALTNAME_|^HOSTNAME_MISMATCH$/, "ConnectionRejected", OTHER_NAME],
  [/^(?!ERR_)(\w*(CERT|CRL|SIGNATURE)|UNABLE_TO_|INVALID_(CA|PURPOSE)$|PATH_LENGTH_EXCEEDED$)/, "ConnectionRejected", NOT_TRUSTED],
  [/^ERR_SSL_WRONG_VERSION_NUMBER$/, "ConnectionRejected", NO_TLS],
  [/^(ECONNREFUSED|ENOTFOUND|EAI_\w+|E(HOST|NET)(UNREACH|DOWN)|UND_ERR_CONNECT_TIMEOUT)$/, "Connect", ""],
  [/^(ConnectionRefused|FailedToOpenSocket)$/, "Connect", ""],
];
/** What a text without a code means. A text may contain an address, so only its beginning and what follows ": " count. */
const TEXTS: Meaning[] = [
  [/(^|: )invalid peer certificate: .*(not valid for name|NotValidForName)/, "ConnectionRejected", OTHER_NAME],
  [/(^|: )invalid peer certificate: /, "ConnectionRejected", NOT_TRUSTED],
  [/(^|: )received corrupt message /, "ConnectionRejected", NO_TLS],
  [/^407 Proxy |^Proxy response \(407\) |(^|: )proxy auth(entication|orization) required/, "ConnectionRejected", PROXY],
  [/(^|: )(tcp connect error|dns error)(: |$)/, "Connect", ""],
];
/** How many causes are looked at. Runtimes nest three; a chain may be endless. */
const LONGEST_CHAIN = 8;

/** An error and its causes, from the outermost. */
function chain(error: unknown) {
  const links: { code: string | undefined; message: string }[] = [];
  for (let cause = Object(error); cause.message !== undefined && links.length < LONGEST_CHAIN; cause = Object(cause.cause)) {
    links.push({ code: isText(cause.code) ? cause.code : undefined, message: String(cause.message) });
  }
  return links;
}

/** What an error of a chain means, if it is a known one. */
function meaningOf({ code, message }: ReturnType<typeof chain>[number]) {
  // The library of Node's `fetch` gives this code to each request that it ends, also because of a proxy.
  const table = code === undefined || code === "UND_ERR_ABORTED" ? TEXTS : CODES, text = table === CODES ? code : message;
  return table.find(([pattern]) => pattern.test(text ?? ""));
}

/** The error of a failed `fetch`. Runtimes report the reason at different depths, so the whole chain is searched. */
export function transportError(error: unknown, status?: number): PortalSessionError {
  const links = chain(error), texts = links.map(({ code, message }) => (code ? `${message} (${code})`.trim() : message)).filter(Boolean);
  const last = texts.at(-1) ?? (Object(error) === error ? "an error without a text" : String(error));
  // Node reports a 407 without a reason; other runtimes return it as an answer.
  const isProxy = texts.length === 1 && last === "fetch failed";
  const [, kind, meaning] = isProxy ? [, "ConnectionRejected" as const, PROXY] : links.map(meaningOf).reverse().find(Boolean) ?? [];
  if (kind) return new PortalSessionError(kind, `could not connect to the billing portal service: ${meaning && `${meaning}: `}${last}`);
  const during = status === undefined ? "before an answer" : `during an answer with status ${status}`;
  return new PortalSessionError("Disconnected", `the connection broke ${during}: ${last}`, { status });
}

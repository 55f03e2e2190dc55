/**
 * Opens Stripe's hosted billing portal for your customers: the client of the billing portal API. It needs `fetch` and no API
 * of a single runtime, so Node 20, Deno, Bun and workers run it. It is for servers: a browser must not have the key.
 */
import type { BillingPortalRequest, BillingPortalReturnOrigins } from "../types.js";
import { header, httpDate, isText } from "./answer.js";
import { call } from "./call.js";
import type { CallOptions } from "./options.js";
import { PortalUrl } from "./portal-url.js";
import { LOOPBACK, parseUrl } from "./request.js";
export type * from "../types.js";
export { PortalSessionError, type PortalSessionErrorKind } from "./error.js";
export type { CallOptions } from "./options.js";
export { PortalUrl } from "./portal-url.js";

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
  const date = httpDate(header(success.headers, "date")), lifetime = expiresAt.getTime() - (date === undefined ? sentAt : date + 1000);
  const isReplayed = header(success.headers, "idempotent-replayed") === "true";
  return { portalUrl: new PortalUrl(url, () => lifetime - ageMs()), expiresAt, isReplayed, ...success };
}

/** Lists the origins to which a return URL of the key may lead, for a check before a customer clicks. */
export async function listReturnOrigins(options: CallOptions): Promise<ReturnOrigins> {
  const { data: { origins }, success, unexpected } = await call(options, "GET", "/v1/billing/return-origins");
  if (!Array.isArray(origins) || !origins.every(isText)) throw unexpected();
  return { origins, ...success };
}

/**
 * The names of the wire's types. `schema.d.ts` and `codes.d.ts` are generated from the contract.
 */
import type { BillingPortalErrorCode } from "./codes.js";
import type { components } from "./schema.js";

export type { BillingPortalErrorCode, BillingPortalKnownErrorCode } from "./codes.js";
export type { components, operations, paths } from "./schema.js";

/** The body of `POST /v1/billing/portal`. */
export type BillingPortalRequest = components["schemas"]["CreatePortalSession"];

/** The one task for which a portal opens. */
export type BillingPortalFlow = components["schemas"]["Flow"];

/** The portal's language: `auto`, or a language tag. */
export type BillingPortalLocale = components["schemas"]["Locale"];

/** A portal session on the wire. Anyone who has its `portal_url` is signed in. */
export type BillingPortalSession = components["schemas"]["PortalSession"];

/** The answer with status 200. */
export type BillingPortalResponse = components["schemas"]["PortalSessionEnvelope"];

/** The origins to which a return URL of a key may lead. */
export type BillingPortalReturnOrigins = components["schemas"]["ReturnOrigins"];

/** The answer of `GET /v1/billing/return-origins` with status 200. */
export type BillingPortalReturnOriginsResponse = components["schemas"]["ReturnOriginsEnvelope"];

/** The answer with any other status. Decide by `error.code`; texts are for people. */
export type BillingPortalError = Omit<components["schemas"]["ErrorEnvelope"], "error"> & {
  error: Omit<components["schemas"]["ErrorBody"], "code"> & { code: BillingPortalErrorCode };
};

/** Either answer; `success` distinguishes them. */
export type BillingPortalAnswer = BillingPortalResponse | BillingPortalError;

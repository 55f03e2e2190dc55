/**
 * The billing portal API, in the words that callers use. The types come from the contract: `schema.d.ts` and
 * `codes.d.ts` are generated from it, this file only gives them their names.
 */
import type { BillingPortalErrorCode } from "./codes.js";
import type { components } from "./schema.js";

export type { BillingPortalErrorCode, BillingPortalKnownErrorCode } from "./codes.js";
export type { components, operations, paths } from "./schema.js";

/** The body of `POST /v1/billing/portal`. */
export type BillingPortalRequest = components["schemas"]["CreatePortalSession"];

/** An open portal: redirect the browser to `portal_url` at once; whoever has it is in. */
export type BillingPortalSession = components["schemas"]["PortalSession"];

/** The answer with status 200. */
export type BillingPortalResponse = components["schemas"]["PortalSessionEnvelope"];

/** The answer with any other status. Decide on `error.code`; texts are for people. */
export type BillingPortalError = Omit<components["schemas"]["ErrorEnvelope"], "error"> & {
  error: Omit<components["schemas"]["ErrorBody"], "code"> & { code: BillingPortalErrorCode };
};

/** Either answer; `success` tells which. */
export type BillingPortalAnswer = BillingPortalResponse | BillingPortalError;

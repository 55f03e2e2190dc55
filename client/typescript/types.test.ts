// What integrators rely on, as claims that `npm test` lets the compiler check. Nothing here runs.
import { createPortalSession, PortalSessionError, PortalUrl } from "billing-portal";
import type {
  BillingPortalAnswer,
  BillingPortalError,
  BillingPortalErrorCode,
  BillingPortalFlow,
  BillingPortalKnownErrorCode,
  BillingPortalLocale,
  BillingPortalRequest,
  BillingPortalResponse,
  PortalSession,
  paths,
} from "billing-portal";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function holds<Claim extends true>(): Claim;

// The request is its three fields, of which one is required.
holds<Same<keyof BillingPortalRequest, "return_url" | "flow" | "locale">>();
holds<Same<BillingPortalFlow, "payment_method_update" | "customer_update">>();
const request: BillingPortalRequest = { return_url: "https://app.example.com/settings/billing" };
// @ts-expect-error return_url is required
const empty: BillingPortalRequest = {};
const cardForm: BillingPortalRequest = { ...request, flow: "payment_method_update", locale: "pt-BR" };
// @ts-expect-error flows that change plans are not in the list
const planFlow: BillingPortalFlow = "subscription_cancel";
// @ts-expect-error Stripe does not document this locale
const unknownLocale: BillingPortalLocale = "de_DE";
// @ts-expect-error unknown fields are refused
const unknownField: BillingPortalRequest = { ...request, return_uri: "https://app.example.com/" };

// `success` distinguishes the answers.
function open(answer: BillingPortalAnswer): string {
  // @ts-expect-error an answer is not a success until that is known
  answer.data;
  return answer.success ? answer.data.portal_url : answer.error.request_id;
}
holds<Same<BillingPortalResponse["success"], true>>();
holds<Same<BillingPortalError["success"], false>>();
holds<Same<BillingPortalError["error"]["details"], Record<string, string> | undefined>>();

// The union of codes is open, and still knows its members.
const newer: BillingPortalErrorCode = "A_NEW_CODE";
const known: BillingPortalKnownErrorCode = "NO_STRIPE_CUSTOMER";
// @ts-expect-error the known codes are a closed list
const misspelt: BillingPortalKnownErrorCode = "NO_STRIPE_COSTUMER";
const texts: Record<BillingPortalKnownErrorCode, string> | undefined = undefined;

// The statuses are those of the contract.
type Statuses = keyof paths["/v1/billing/portal"]["post"]["responses"];
holds<Same<Statuses, 200 | 400 | 401 | 403 | 408 | 409 | 413 | 415 | 422 | 429 | 500 | 502 | 503>>();

// The client.
const session: Promise<PortalSession> = createPortalSession("https://app.example.com/", {
  apiKey: undefined,
  baseUrl: "https://billing.example.com",
  flow: "customer_update",
  locale: "auto",
});
// @ts-expect-error the key is required
createPortalSession("https://app.example.com/", { baseUrl: "https://billing.example.com" });
function handle(error: PortalSessionError, url: PortalUrl): string {
  // @ts-expect-error a kind is from a closed list
  if (error.kind === "Conect") return url.expose();
  return error.code === "NO_STRIPE_CUSTOMER" || error.code === "A_NEW_CODE" ? url.expose() : `${error.retryAfter ?? 0}`;
}

export { handle, session };
export { cardForm, empty, known, misspelt, newer, open, planFlow, texts, unknownField, unknownLocale };

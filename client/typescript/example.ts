// Opens the portal with fetch: from a key to a redirect.
import type { BillingPortalAnswer, BillingPortalRequest } from "billing-portal";

/** The URL to redirect the browser to, at once. */
export async function portalUrl(baseUrl: string, apiKey: string, returnUrl: string): Promise<string> {
  const request: BillingPortalRequest = { return_url: returnUrl };
  const response = await fetch(new URL("/v1/billing/portal", baseUrl), {
    method: "POST",
    headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify(request),
  });
  const answer = (await response.json()) as BillingPortalAnswer;
  if (answer.success) {
    return answer.data.portal_url;
  }
  const { code, message, request_id, details } = answer.error;
  switch (code) {
    case "NO_STRIPE_CUSTOMER":
      throw new Error("subscribe first");
    case "VALIDATION_FAILED":
      throw new Error(`return_url: ${details?.["return_url"] ?? message}`);
    default:
      // A code that this program does not know: the status and the message still help.
      throw new Error(`${response.status} ${code}: ${message} (request ${request_id})`);
  }
}

// A handler for servers with the Fetch API (Deno, Bun, workers, Hono, Next.js): from a button to the portal.
import { createPortalSession, PortalSessionError } from "billing-portal";

/** Where this example's settings come from. */
export interface Settings {
  BILLING_PORTAL_API_KEY: string;
  BILLING_PORTAL_BASE_URL: string;
}

/** Redirects the browser to the portal, or to the prices if the organization has never subscribed. */
export async function billing(request: Request, settings: Settings): Promise<Response> {
  try {
    const session = await createPortalSession("https://app.example.com/settings/billing", {
      apiKey: settings.BILLING_PORTAL_API_KEY,
      baseUrl: settings.BILLING_PORTAL_BASE_URL,
      signal: request.signal,
    });
    return session.portalUrl.intoRedirect();
  } catch (error) {
    if (!(error instanceof PortalSessionError)) throw error;
    if (error.code === "NO_STRIPE_CUSTOMER") return Response.redirect(new URL("/pricing", request.url), 303);
    console.error(error.message);
    return new Response("Billing is unavailable, try again later.", { status: 502 });
  }
}

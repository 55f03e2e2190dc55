// Opens the demo's portal: set BILLING_PORTAL_API_KEY to the key that `cargo xtask demo` prints.
import { createPortalSession } from "billing-portal";

createPortalSession("https://app.example.com/settings/billing", {
  apiKey: process.env["BILLING_PORTAL_API_KEY"],
  baseUrl: process.env["BILLING_PORTAL_BASE_URL"] ?? "http://127.0.0.1:8080",
}).then(({ portalUrl }) => console.log(portalUrl.expose()));

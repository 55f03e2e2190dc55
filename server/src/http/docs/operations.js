// Starts Swagger UI with both documents. The contract's operation and the webhook are on another port, so that only what is
// read can be tried.
"use strict";

window.ui = SwaggerUIBundle({
  dom_id: "#swagger-ui",
  urls: [
    { name: "Billing portal: operations", url: "../operations.json" },
    { name: "Billing portal", url: "../openapi.json" },
  ],
  layout: "StandaloneLayout",
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  deepLinking: true,
  displayRequestDuration: true,
  showExtensions: true,
  tryItOutEnabled: true,
  supportedSubmitMethods: ["get"],
  persistAuthorization: false,
  validatorUrl: "none",
});

// Starts Swagger UI with the contract.
"use strict";

/** What other tools read; the reference page shows it. */
const HIDDEN = ["x-codeSamples", "x-error-help"];

window.ui = SwaggerUIBundle({
  dom_id: "#swagger-ui",
  // Relative, because a proxy may put a path before ours.
  url: "../openapi.json",
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "full",
  displayRequestDuration: true,
  showExtensions: true,
  tryItOutEnabled: true,
  // A billing key is not left behind in the browser, nor the contract's address sent to a validator.
  persistAuthorization: false,
  validatorUrl: "none",
  responseInterceptor: (response) => {
    if (response.url.endsWith("/openapi.json") && response.ok) {
      const shown = (key, value) => (HIDDEN.includes(key) ? undefined : value);
      response.text = JSON.stringify(JSON.parse(response.text, shown));
    }
    return response;
  },
});

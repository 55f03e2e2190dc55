// Calls of the client, as the tests make them.
import assert from "node:assert/strict";
import net from "node:net";
import { createPortalSession } from "billing-portal";
import { KEY, RETURN_URL } from "./server.mjs";

/** A call against a server of a test. */
export const call = (server, options) => createPortalSession(RETURN_URL, { apiKey: KEY, baseUrl: server.baseUrl, ...options });

/** The base URL of a port on which no server listens. */
export async function closedPort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** With what a call rejects. */
export const failure = (promise) => promise.then(() => assert.fail("a session"), (error) => error);

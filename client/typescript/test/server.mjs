// A server on a raw socket that answers from a list, byte by byte. The last reply answers all later requests too.
import net from "node:net";

/** A key with a valid form that no service knows. */
export const KEY = "am_test_0000000000000000000000000000001EuB8u";
export const RETURN_URL = "https://app.example.com/settings/billing";
export const PORTAL_URL = "https://billing.stripe.com/p/session/bps_test_0123456789";
export const ID = "01JTBQH2FZ8K1RXC0WJ4Z9P3VM";

/** A complete reply that closes the connection. */
export function reply(status, headers, body) {
  const lines = Object.entries({ Connection: "close", "Content-Length": Buffer.byteLength(body), ...headers });
  return `HTTP/1.1 ${status} \r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`;
}

/** A success: a session that expires five minutes after the answer. */
export function opened(headers = {}) {
  const data = { portal_url: PORTAL_URL, expires_at: "2026-05-22T12:30:00Z" };
  const all = { Date: "Fri, 22 May 2026 12:25:00 GMT", "X-Request-Id": ID, ...headers };
  return reply(200, all, JSON.stringify({ success: true, data }));
}

/** An error of the service. */
export function refusal(status, code, headers = {}) {
  const error = { code, message: "no", request_id: ID };
  return reply(status, { "Content-Type": "application/json", ...headers }, JSON.stringify({ success: false, error }));
}

/**
 * Serves until the test ends. A reply is a text, which is sent before the connection closes; `{ stalled: text }` keeps the
 * connection open; `{ reset: text }` resets it.
 */
export async function serve(t, ...script) {
  const requests = [];
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk;
      const [head, body] = received.split("\r\n\r\n");
      if (body === undefined || body.length < Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)) return;
      received = "";
      requests.push({ head, body });
      const answer = script[requests.length - 1] ?? script.at(-1);
      if (typeof answer === "string") return socket.end(answer);
      if (answer.stalled !== undefined) return socket.write(answer.stalled);
      // What was written must arrive before the reset does.
      socket.write(answer.reset);
      setTimeout(() => socket.resetAndDestroy(), 50);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    sockets.forEach((socket) => socket.destroy());
  });
  return { baseUrl: `http://127.0.0.1:${server.address().port}`, port: server.address().port, requests };
}

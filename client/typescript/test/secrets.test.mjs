// No error shows the API key, wherever an answer or a failure repeats it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { call, failure } from "./calls.mjs";
import { ID, KEY, opened, reply, serve } from "./server.mjs";

/** Fails if anything that is printed of an error or a session has the key, in any case of its letters. */
function assertHidden(value, name) {
  const printed = [
    inspect(value, { depth: 9, showHidden: true, getters: true }), inspect(value), JSON.stringify(value), String(value), value.message,
    value.stack, inspect(value.cause), value.helpUrl, JSON.stringify(value.details), value.code, value.requestId,
    JSON.stringify([...(value.headers ?? [])]),
  ];
  for (const text of printed) {
    // A reader of a log can decode these.
    const decoded = String(text).replace(/(\\+(u00|x)|%(25)*)([\da-f]{2})/gi, (...parts) => String.fromCharCode(parseInt(parts[4], 16)));
    assert.ok(!decoded.toLowerCase().includes(KEY.slice(8).toLowerCase()), `${name}: ${text}`);
  }
}

const escaped = (text, prefix) => text.replace(/[_t0]/g, (c) => prefix + c.charCodeAt(0).toString(16));
/** The key as a service, a proxy or a library may repeat it, in JSON. */
const FORMS = {
  plain: KEY,
  bearer: `Bearer ${KEY}`,
  "JSON-escaped": escaped(KEY, "\\u00"),
  "JSON-escaped twice": escaped(KEY, "\\\\u00"),
  "percent-encoded": escaped(KEY, "%"),
  "percent-encoded twice": escaped(KEY, "%25"),
  "upper case": KEY.toUpperCase(),
  "after much else": "x".repeat(512 - 20) + KEY,
};
const error = (fields) => `{"success":false,"error":${JSON.stringify({ code: "A", message: "no", request_id: ID })
  .replace("}", `,"details":{"a":"b"}}`).replace(...fields)}}`;

for (const [name, form] of Object.entries(FORMS)) {
  test(`an answer that repeats the key is shown without it: ${name}`, async (t) => {
    const answers = {
      message: reply(401, {}, error(['"no"', `"${form}"`])),
      code: reply(401, {}, error(['"A"', `"${form}"`])),
      id: reply(401, {}, error([ID, form])),
      field: reply(422, {}, error(['"a"', `"${form}"`])),
      detail: reply(422, {}, error(['"b"', `"${form}"`])),
      "unexpected code": reply(402, {}, `{"error":{"code":"${form}"}}`),
      "content type": reply(502, { "Content-Type": `text/${form}` }, "x"),
      "request id": reply(502, { "X-Request-Id": form }, "x"),
      "other header": reply(502, { "X-Echo": form, "Set-Cookie": form }, "x"),
      page: reply(502, {}, `<p>${form}`),
    };
    for (const [place, answer] of Object.entries(answers)) {
      const service = await serve(t, answer);
      const failed = await failure(call({ baseUrl: service.baseUrl }, { maxRetries: 0 }));
      assert.match(failed.kind, /^(Api|UnexpectedAnswer)$/, place);
      assertHidden(failed, place);
    }
    assertHidden(await call(await serve(t, opened({ "X-Request-Id": form, "X-Echo": form }))), "session");
  });

  test(`an error of fetch that repeats the key is shown without it: ${name}`, async () => {
    const text = JSON.parse(`"${form}"`);
    const cause = Object.assign(new Error(text), { code: text });
    for (const reason of [new Error(text), new Error("x", { cause }), Object.assign(new Error("x"), { code: text }), text]) {
      const fetch = async () => { throw reason; };
      const failed = await failure(call({ baseUrl: "https://h" }, { fetch, maxRetries: 0 }));
      assert.equal(failed.kind, "Disconnected");
      assertHidden(failed, "fetch");
    }
  });
}

test("a header whose name is the key is left out, and the others are kept", async (t) => {
  const service = await serve(t, reply(502, { [KEY]: "1", "X-Other": "2" }, "x"));
  const failed = await failure(call(service, { maxRetries: 0 }));
  assertHidden(failed, "name");
  assert.equal(failed.headers.get("x-other"), "2");
});

test("an address with the key is shown without it", async (t) => {
  const { baseUrl } = await serve(t, reply(401, {}, error(["x", "x"])));
  assertHidden(await failure(call({ baseUrl: `${baseUrl}/${KEY}` })), "help");
});

// What an answer means.
import { PortalSessionError } from "./error.js";

export const isText = (value: unknown): value is string => typeof value === "string";

/** A header's value. Runtimes differ in whether they remove the white space that may surround it. */
export const header = (headers: Headers, name: string) => headers.get(name)?.replace(/^[\t ]+|[\t ]+$/g, "");

/** Seconds in any form of RFC 9110, rounded up; `undefined` if the value is in none. */
function retryAfter(headers: Headers): number | undefined {
  const value = header(headers, "retry-after") ?? "", [, whole, fraction] = /^(\d+)(?:\.(\d+))?$/.exec(value) ?? [];
  if (whole) return Number(whole) + (/[1-9]/.test(fraction ?? "") ? 1 : 0);
  const until = httpDate(value);
  if (until === undefined) return undefined;
  return Math.max(0, Math.ceil((until - (httpDate(header(headers, "date")) ?? Date.now())) / 1000));
}

/** Milliseconds since 1970 of an IMF-fixdate or one of the two obsolete forms of dates. */
export function httpDate(text: string | undefined): number | undefined {
  // First asctime's form in the order of the others.
  const ordered = text?.replace(/^([A-Z][a-z]{2}) ([A-Z][a-z]{2}) ([ \d]\d) ([\d:]{8}) (\d{4})$/, "$1, $3 $2 $5 $4 GMT") ?? "";
  const form = /^[A-Z][a-z]+, ([ \d]\d)[ -]([A-Z][a-z]{2})[ -](\d\d(?:\d\d)?) ([\d:]{8}) GMT$/;
  const [, day, month, year = "", time] = form.exec(ordered) ?? [], latest = new Date().getUTCFullYear() + 50;
  // RFC 9110 reads two digits as the year that is at most 50 years ahead.
  const fullYear = year.length === 2 ? latest - ((latest - Number(year)) % 100) : year;
  const milliseconds = Date.parse(`${day} ${month} ${fullYear} ${time} GMT`);
  return isNaN(milliseconds) ? undefined : milliseconds;
}

/**
 * A success, and the error that it is if its data means nothing; throws the error that another answer is. What is given goes
 * into these errors, so it must be redacted.
 */
export function decode(status: number, headers: Headers, text: string, url: string) {
  let success: unknown, data: unknown, error: unknown;
  try { ({ success, data, error } = Object(JSON.parse(text))); } catch { /* Not JSON: not the service's. */ }
  const { code, message, request_id: id, details = {} } = Object(error), requestId = header(headers, "x-request-id") ?? "";
  const fields = { code: isText(code) ? code.slice(0, 512) : undefined, status, headers, retryAfter: retryAfter(headers) };
  const unexpected = (problem = "without the service's envelope") => {
    const suffix = fields.code === undefined ? "" : `, with the code ${fields.code}`;
    const line = `an answer with status ${status} ${problem}${suffix} (${header(headers, "content-type") || "no content type"})`;
    return new PortalSessionError("UnexpectedAnswer", line, { ...fields, requestId: requestId || undefined });
  };
  if (status === 200 && success === true) return { data: Object(data), success: { requestId, headers }, unexpected };
  const texts = [code, message, id, ...(Array.isArray(details) ? [0] : Object.values(details ?? [0]))];
  if (status === 200 || success !== false || !texts.every(isText)) throw unexpected();
  const fieldTexts = Object.keys(details).sort().map((field) => `; ${field}: ${details[field]}`);
  const line = `${status} ${code}: ${message}${fieldTexts.join("")} (request ${id})`;
  const helpUrl = `${url.slice(0, url.lastIndexOf("/v1/"))}/docs/reference${/^\w+$/.test(code) ? `#${code}` : ""}`;
  throw new PortalSessionError("Api", line, { ...fields, requestId: id, details, helpUrl });
}

/** The body as text, cut off after some 64 KiB: what is longer cannot be decoded. The service's own answers are under 2 KiB. */
export async function readBounded({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > 64 * 1024) break;
  }
  return text + decoder.decode();
}

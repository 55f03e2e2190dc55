// What comes from outside, without the API key.

/** Replaces a key, of letters, digits and `_`, in a text, also where JSON or a URL has escaped its characters. */
export type Redact = (text: string) => string;

/** How to replace this key. */
export function redactor(key: string): Redact {
  // A character may be escaped several times. A bound keeps the time proportional to the text's length.
  const forms = [...key].map((c) => {
    const hex = c.charCodeAt(0).toString(16);
    return `(?:${c}|%(?:25){0,4}${hex}|\\\\{1,8}(?:u00|x)${hex})`;
  });
  const pattern = new RegExp(forms.join(""), "gi");
  return (text) => text.replace(pattern, "[api key]");
}

/** A copy of the headers. One whose name has the key is left out. */
export function redactHeaders(headers: Headers, redact: Redact): Headers {
  const copy = new Headers();
  for (const [name, value] of headers) {
    if (redact(name) === name) copy.append(name, redact(value));
  }
  return copy;
}

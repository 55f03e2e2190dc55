// The portal's URL, which is a credential.

/** The portal's URL: anyone who has it is signed in, so only {@link expose} and {@link intoRedirect} return it. */
export class PortalUrl {
  readonly #url: string;
  readonly #leftMs: () => number;

  constructor(url: string, leftMs: () => number) { this.#url = url; this.#leftMs = leftMs; }
  /** The URL itself, for the redirect. */
  expose(): string { return this.#url; }
  /** Whether the URL can be used for so many more milliseconds, by the service's clock. */
  isFresh(marginMs: number): boolean { return this.#leftMs() > marginMs; }
  /** A redirect (303) that is not cached and does not tell the portal which page the browser came from. */
  intoRedirect(): Response {
    const headers = { location: this.#url, "cache-control": "no-store", "referrer-policy": "no-referrer" };
    return new Response(null, { status: 303, headers });
  }
  toString(): string { return "PortalUrl(…)"; }
  toJSON(): string { return this.toString(); }
}

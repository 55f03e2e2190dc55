// Why a call failed.
import type { BillingPortalErrorCode, BillingPortalKnownErrorCode } from "../types.js";

/** Why a call failed; the names are those of the Rust SDK's `Error`. */
export type PortalSessionErrorKind =
  "Configuration" | "InvalidRequest" | "Api" | "UnexpectedAnswer" | "Connect" | "ConnectionRejected" | "Disconnected" | "Timeout";

/** With what a failed call rejects. Its message is one line and contains no secret. */
export class PortalSessionError extends Error {
  /** The error code in the answer. A newer service may send one that is not in the list. */
  readonly code?: BillingPortalErrorCode | undefined;
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
  /** Where the service's reference explains the code of its error and what to do. */
  readonly helpUrl?: string | undefined;
  /** Each wrong field of the request and what is wrong with it. */
  readonly details?: Record<string, string> | undefined;
  /** How many seconds the answer asks to wait. */
  readonly retryAfter?: number | undefined;
  /** The answer's headers. Not printed, because their values may be anything. */
  declare readonly headers?: Headers;

  constructor(readonly kind: PortalSessionErrorKind, message: string, fields: Partial<PortalSessionError> = {}) {
    super(message.replace(/\p{Cc}/gu, (c) => (/\s/.test(c) ? JSON.stringify(c).slice(1, -1) : `\\u{${c.charCodeAt(0).toString(16)}}`)));
    Object.assign(this, fields);
    this.name = "PortalSessionError";
    Object.defineProperty(this, "headers", { enumerable: false });
  }

  /** Whether the same call may succeed later. The retries that the options allow have been made. */
  get isRetryable(): boolean {
    if (this.kind !== "Api" && this.kind !== "UnexpectedAnswer") return /^(Connect|Disconnected|Timeout)$/.test(this.kind);
    if (this.code === "BILLING_PORTAL_UNAVAILABLE") return this.retryAfter !== undefined;
    return RETRYABLE.get(this.code) ?? [408, 429, 500, 502, 503, 504].includes(this.status ?? 0);
  }
}

/** Whether repeating can pass an error with this code. The status decides about the codes that are not here. */
const RETRYABLE = new Map<string | undefined, boolean>(Object.entries({
  REQUEST_TIMEOUT: true, RATE_LIMITED: true, INTERNAL: true, SERVICE_UNAVAILABLE: true,
  BAD_REQUEST: false, UNAUTHORIZED: false, FORBIDDEN: false, NO_STRIPE_CUSTOMER: false, PAYLOAD_TOO_LARGE: false,
  UNSUPPORTED_MEDIA_TYPE: false, VALIDATION_FAILED: false, NOT_FOUND: false, METHOD_NOT_ALLOWED: false,
} satisfies Record<Exclude<BillingPortalKnownErrorCode, "BILLING_PORTAL_UNAVAILABLE">, boolean>));

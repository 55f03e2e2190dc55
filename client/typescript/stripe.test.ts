// The contract's lists are Stripe's own: claims that `npm test` lets the compiler check. Nothing here runs.
import type Stripe from "stripe";
import type { BillingPortalFlow, BillingPortalLocale } from "./types.js";

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
declare function holds<Claim extends true>(): Claim;
type Session = Stripe.BillingPortal.SessionCreateParams;

/** The members of an open union of texts. */
type Known<Text> = Text extends string ? (string extends Text ? never : Text) : never;

holds<Same<BillingPortalLocale, Known<Session["locale"]>>>();

// Every flow of Stripe that the contract does not have is about subscriptions.
type StripeFlow = Known<NonNullable<Session["flow_data"]>["type"]>;
holds<Same<BillingPortalFlow & StripeFlow, BillingPortalFlow>>();
holds<Same<Exclude<StripeFlow, BillingPortalFlow> & `subscription_${string}`, Exclude<StripeFlow, BillingPortalFlow>>>();

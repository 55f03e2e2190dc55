// Stripe's own types against the list of what this product has reviewed, `server/stripe-portal.json`. Nothing here runs.
// If Stripe has something new, the compiler names it: review it, decide in the list, and let the service do so.
import type Stripe from "stripe";
import type reviewed from "../../server/stripe-portal.json";

type Reviewed = typeof reviewed;
type Portal = Stripe.BillingPortal.Configuration["features"];
type NewConfiguration = Stripe.BillingPortal.ConfigurationCreateParams & Stripe.BillingPortal.ConfigurationUpdateParams;
type NewSession = Stripe.BillingPortal.SessionCreateParams;

/** The members of an open union of texts. */
type Known<Text> = Text extends string ? (string extends Text ? never : Text) : never;
/** Accepts only the type without a member, so that the compiler's error names each member. */
declare function none<Members extends never>(): Members;

none<Exclude<Stripe.LatestApiVersion, keyof Reviewed["api_version"]>>();
none<Exclude<keyof Portal, keyof Reviewed["features"]>>();
none<Exclude<keyof NonNullable<NewConfiguration["features"]>, keyof Reviewed["features"]>>();
none<Exclude<Known<Portal["customer_update"]["allowed_updates"][number]>, keyof Reviewed["customer_updates"]>>();
none<Exclude<keyof NewConfiguration, keyof Reviewed["configuration_parameters"]>>();
none<Exclude<keyof NewSession, keyof Reviewed["session_parameters"]>>();
none<Exclude<Known<NonNullable<NewSession["flow_data"]>["type"]>, keyof Reviewed["flow_types"]>>();
none<Exclude<Known<NewSession["locale"]>, keyof Reviewed["locales"]>>();

// What Stripe no longer has.
none<Exclude<keyof Reviewed["api_version"], Stripe.LatestApiVersion>>();
none<Exclude<keyof Reviewed["features"], keyof Portal>>();
none<Exclude<keyof Reviewed["customer_updates"], Known<Portal["customer_update"]["allowed_updates"][number]>>>();
none<Exclude<keyof Reviewed["configuration_parameters"], keyof NewConfiguration>>();
none<Exclude<keyof Reviewed["session_parameters"], keyof NewSession>>();
none<Exclude<keyof Reviewed["flow_types"], Known<NonNullable<NewSession["flow_data"]>["type"]>>>();
none<Exclude<keyof Reviewed["locales"], Known<NewSession["locale"]>>>();

//! The simulated Stripe, and the harness of every test that speaks HTTP.

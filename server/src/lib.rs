//! Opens Stripe's hosted billing portal through one operation.

//! SDK for `POST /v1/billing/portal`.

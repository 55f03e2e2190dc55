//! The certificate authorities that TLS trusts: those of the system.

/// What to do if none can be loaded.
pub(crate) const LOAD_AUTHORITIES: &str = "install the package ca-certificates, or set SSL_CERT_FILE to a file with the authorities' certificates as PEM; \
     while SSL_CERT_FILE or SSL_CERT_DIR is set, nothing else is read";

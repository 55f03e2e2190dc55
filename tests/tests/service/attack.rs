//! What an attacker can send, and what must hold meanwhile.

mod log_lines;
mod log_reader;
mod session_response;

//! What an attacker can send, and what must hold meanwhile.

mod configuration_search;
mod connection_phases;
mod connections;
mod database_file;
mod failed_authentication;
mod host_header;
mod key_commands;
mod log_lines;
mod log_reader;
mod open_files;
mod pending_writes;
mod process_state;
mod session_response;
mod silent_resolver;
mod static_files;
mod unread_bodies;
mod unusual_settings;
mod webhook_memory;

//! The stories in a real Chromium, with a gate between it and the server.

//! Fetches secrets from Secrets Manager and Parameter Store by name, and keeps them for a while.

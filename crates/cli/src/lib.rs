//! The `vigie` command.

//! What every function needs around its handler: settings, logs, one-line errors.

//! Reads a probe file and tells every mistake in it with file, line and column.

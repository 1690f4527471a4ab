//! Fakes, loaders and fixtures that the tests of every crate share.

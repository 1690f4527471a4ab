//! CloudWatch's documented alarm evaluation as a pure function.

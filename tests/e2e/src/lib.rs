//! The crossing tests, the demo and the benchmarks, on real parts.

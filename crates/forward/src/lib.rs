//! Carries samples through a bounded queue to remote write: the engine of the bridge.

//! Publishes a report's figures to CloudWatch, and reads them back, within its limits.

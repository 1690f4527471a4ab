//! Every minute: which probes and scrapes are due, on to the queue.

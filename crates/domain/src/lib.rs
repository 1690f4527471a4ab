//! What Vigie is about: probes, conversations, verdicts, reports, schedules, alarms. Pure: no I/O, no clock.

//! From the alarm topic: routes, groups, writes and sends notifications.

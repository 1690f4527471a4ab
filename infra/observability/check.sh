#!/bin/sh
# Validates the files in this folder with promtool and amtool, and runs the tests of the rules.
# Needs promtool and amtool (Debian: prometheus, prometheus-alertmanager).
set -eu
cd "$(dirname "$0")"

promtool check config prometheus.yml
promtool test rules rules/tests/*.test.yml

rendered=$(mktemp)
trap 'rm -f "$rendered"' EXIT
for receiver in email vigie; do
    RECEIVER=$receiver SMTP_USERNAME=vigie TEMPLATES="$PWD/templates" ./render-alertmanager.sh alertmanager.yml > "$rendered"
    amtool check-config "$rendered"
done
amtool config routes test --config.file="$rendered" --verify.receivers=vigie severity=page alertname=ProbeDown
amtool config routes test --config.file="$rendered" --verify.receivers=heartbeat severity=none alertname=Watchdog

#!/bin/sh
# Writes alertmanager.yml to standard output with each ${NAME} replaced from the environment:
#   render-alertmanager.sh alertmanager.yml > /tmp/alertmanager.yml
# An unset name gets the default below. Runs in Alertmanager's own image (busybox) and on Debian.
set -eu

: "${SMTP_SMARTHOST:=localhost:25}" "${SMTP_FROM:=vigie@localhost}" "${SMTP_USERNAME:=}" "${SMTP_PASSWORD_FILE:=/dev/null}"
: "${SMTP_REQUIRE_TLS:=true}" "${ALERT_EMAIL:=root@localhost}" "${RECEIVER:=email}" "${TEMPLATES:=templates}"
: "${ALARMS_TOPIC_ARN:=arn:aws:sns:eu-west-1:000000000000:vigie-dev-alarms}" "${AWS_REGION:=eu-west-1}" "${SNS_API_URL:=}" "${GROUP_WAIT:=30s}"
# No server listens on port 9 (discard). Alertmanager logs the failed heartbeat; there is no other effect.
: "${HEARTBEAT_URL:=http://localhost:9/}"

script=""
for name in SMTP_SMARTHOST SMTP_FROM SMTP_USERNAME SMTP_PASSWORD_FILE SMTP_REQUIRE_TLS ALERT_EMAIL RECEIVER TEMPLATES \
    ALARMS_TOPIC_ARN AWS_REGION SNS_API_URL GROUP_WAIT HEARTBEAT_URL; do
    eval "value=\$$name"
    case $value in
        *"|"* | *"'"* | *"
"*) echo "render-alertmanager.sh: \`$name\` must not contain \`|\`, a single quote or a line end" >&2; exit 2 ;;
    esac
    # `&` and `\` are special in a replacement of sed.
    value=$(printf '%s' "$value" | sed 's/[&\\]/\\&/g')
    script="$script
s|\${$name}|$value|g"
done
# Without a user name, authentication is removed: Alertmanager rejects an empty user name with a password file.
[ -n "$SMTP_USERNAME" ] || script="$script
/smtp_auth_/d"
# Comments of the file are not changed.
exec sed -e '/^ *#/b' -e "$script" "$1"

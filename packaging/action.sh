#!/usr/bin/env bash
# The step of action.yml: checks and runs probes, writes a JUnit report and a job summary.
# The exit code is that of `vigie run`: 0 up, 1 down, 2 could not run, 3 degraded.
set -uo pipefail

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Not an array: with `set -u`, bash 3.2 of macOS refuses to expand an empty one.
set -- "$INPUT_PROBES"
[ -z "$INPUT_ENVIRONMENT" ] || set -- "$@" --environment "$INPUT_ENVIRONMENT"

"$INPUT_VIGIE" check "$@" >"$log" 2>&1
code=$?
if [ "$code" -eq 0 ]; then
    [ -z "$INPUT_TARGET" ] || set -- "$@" --target "$INPUT_TARGET"
    "$INPUT_VIGIE" run "$@" --output junit >"$INPUT_JUNIT" 2>"$log"
    code=$?
fi
cat "$log"

case $code in
    0) result="up" ;;
    1) result="down" ;;
    3) result="degraded" ;;
    *) result="could not run" ;;
esac
{
    echo "### Vigie: $result"
    echo '```text'
    # A line of backquotes in the log must not end the block.
    sed 's/^```/ ```/' "$log"
    echo '```'
} >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
echo "exit-code=$code" >>"${GITHUB_OUTPUT:-/dev/null}"
exit "$code"

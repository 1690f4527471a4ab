#!/usr/bin/env bash
# The step of action.yml: checks and runs probes, writes a JUnit report and a job summary.
# The exit code is that of `vigie run`: 0 up, 1 down, 2 could not run, 3 degraded.
set -uo pipefail

log=$(mktemp)
trap 'rm -f "$log"' EXIT
environment=()
[ -z "$INPUT_ENVIRONMENT" ] || environment=(--environment "$INPUT_ENVIRONMENT")
options=("${environment[@]}")
[ -z "$INPUT_TARGET" ] || options+=(--target "$INPUT_TARGET")

"$INPUT_VIGIE" check "$INPUT_PROBES" "${environment[@]}" >"$log" 2>&1
code=$?
if [ "$code" -eq 0 ]; then
    "$INPUT_VIGIE" run "$INPUT_PROBES" "${options[@]}" --output junit >"$INPUT_JUNIT" 2>"$log"
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

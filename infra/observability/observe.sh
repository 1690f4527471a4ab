#!/usr/bin/env bash
# Prometheus and Alertmanager from Debian's packages, with the same files that compose.yaml uses, without Docker:
#   infra/observability/observe.sh                 # monitors a chatbot on localhost:7860
#   TARGETS="chat.internal:7860 other:7860" VIGIE_SERVE=localhost:9517 infra/observability/observe.sh
# The mail settings are those of .env, see .env.example ($ENV_FILE names another file). Data and configuration go to
# $DATA (target/observe); if a port is in use, the next free one is used. Ctrl-C stops both. Debian has no Grafana package:
# use your own Grafana with the printed address, grafana/provisioning and grafana/dashboards, or compose.yaml.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
data=${DATA:-$root/target/observe}

for command in prometheus prometheus-alertmanager; do
    command -v "$command" > /dev/null || {
        echo "observe.sh: \`$command\` is not installed; on Debian: apt-get install prometheus prometheus-alertmanager" >&2
        exit 2
    }
done

# The first free port from $1 on.
free_port() {
    local port=$1
    while (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do port=$((port + 1)); done
    echo "$port"
}
list() { # words -> a file_sd list
    local separator="" entries=""
    for target in $1; do entries+="$separator\"$target\"" && separator=", "; done
    [ -z "$entries" ] && echo "[]" || echo "- targets: [$entries]"
}

read_settings() { # file -> variables, as in Compose: values are text, not shell code; the environment has priority
    local line name value
    while IFS= read -r line || [ -n "$line" ]; do
        [[ $line =~ ^\ *(export\ +)?([A-Za-z_][A-Za-z_0-9]*)=(.*)$ ]] || continue
        name=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
        if [[ $value =~ ^\"([^\"]*)\" || $value =~ ^\'([^\']*)\' ]]; then
            value=${BASH_REMATCH[1]}
        else
            value=${value%% #*}
            value=${value%"${value##*[![:space:]]}"}
        fi
        [ -n "${!name+set}" ] || export "$name=$value"
    done < "$1"
}
settings=${ENV_FILE:-$here/.env}
[ ! -f "$settings" ] || read_settings "$settings"
prometheus_port=$(free_port "${PROMETHEUS_PORT:-9090}")
alertmanager_port=$(free_port "${ALERTMANAGER_PORT:-9093}")

mkdir -p "$data/targets"
# Prometheus reads rules and targets from the folder of its configuration.
cp "$here/prometheus.yml" "$data/prometheus.yml"
rm -rf "$data/rules" && cp -r "$here/rules" "$data/rules"
list "${TARGETS-localhost:7860}" > "$data/targets/gradio_chatbot.yml"
list "${VIGIE_SERVE-}" > "$data/targets/vigie.yml"
list "localhost:$alertmanager_port" > "$data/targets/alertmanager.yml"
TEMPLATES="$here/templates" "$here/render-alertmanager.sh" "$here/alertmanager.yml" > "$data/alertmanager.yml"

pids=()
stop() {
    trap - EXIT
    [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2> /dev/null || true
    wait
}
trap stop EXIT
trap 'exit 0' INT TERM

prometheus-alertmanager --config.file="$data/alertmanager.yml" --storage.path="$data/alertmanager" \
    --web.listen-address="127.0.0.1:$alertmanager_port" --cluster.listen-address= 2> "$data/alertmanager.log" &
pids+=($!)
prometheus --config.file="$data/prometheus.yml" --storage.tsdb.path="$data/prometheus" --storage.tsdb.retention.time=40d \
    --web.listen-address="127.0.0.1:$prometheus_port" --web.enable-remote-write-receiver 2> "$data/prometheus.log" &
pids+=($!)

cat << END
Prometheus    http://127.0.0.1:$prometheus_port     remote write: http://127.0.0.1:$prometheus_port/api/v1/write
Alertmanager  http://127.0.0.1:$alertmanager_port
Logs          $data/prometheus.log, $data/alertmanager.log
Ctrl-C ends both.
END
# Stop when one of the two ends.
wait -n
echo "observe.sh: Prometheus or Alertmanager stopped; see its log" >&2
exit 1

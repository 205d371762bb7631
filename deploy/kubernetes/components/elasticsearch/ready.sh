#!/bin/sh
# Reports whether this node of Elasticsearch is ready. After its start it is ready once the cluster
# has READY_STATUS: a rolling update or a drain goes on only when the shards are assigned again.
# After that it is ready while it answers: a cluster that is yellow because of another node takes
# none of its addresses away.
set -u
seen=${READY_FILE:-/tmp/ready}
ask() {
  if [ -n "${ELASTIC_PASSWORD:-}" ]; then
    printf 'user = "elastic:%s"\n' "$ELASTIC_PASSWORD"
  fi | curl -K - -s -f -o /dev/null --max-time 4 ${READY_CA:+--cacert "$READY_CA"} "${READY_URL:-http://localhost:9200}$1"
}
# The container's own start, since the file outlives it.
started=$(stat -c %Y /proc/1)
if [ "$(cat "$seen" 2>/dev/null)" = "$started" ]; then
  ask "/_cluster/health?local=true&timeout=1s"
else
  ask "/_cluster/health?wait_for_status=${READY_STATUS:-green}&timeout=2s" && echo "$started" >"$seen"
fi

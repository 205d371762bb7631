#!/bin/sh
# Makes Elasticsearch and Kibana ready for the stack. It replaces existing objects by the same: it
# can run at any time.
#
#   ES_HOSTS          addresses of Elasticsearch; the first is used
#   ES_CA_FILE        authority to trust, unless it is one that the system knows
#   KIBANA_CA_FILE    the same for Kibana, where it is another one
#   ELASTIC_PASSWORD  password of the user elastic, or of the one in SETUP_USER, or
#   SETUP_API_KEY     an API key with the privileges of the set-up job in docs/security.md; neither where security is off
#   ES_USER, ES_PASSWORD   a user to be made for the agents, where ELASTIC_PASSWORD is given
#   KIBANA_PASSWORD   password for the user kibana_system, likewise
#   KIBANA_URL        where Kibana is; without it Kibana is left alone
#   RETENTION         how long logs are kept, such as 30d
#   TEMPLATES, KIBANA_FILES, SET_UP   folders, as the pod mounts them
#   PATIENCE          seconds to wait for each of both
set -eu
: "${TEMPLATES:=/templates}" "${KIBANA_FILES:=/kibana}" "${SET_UP:=/set-up}" "${PATIENCE:=600}" "${RETENTION:=30d}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

log() { echo "set-up: $*"; }
fail() { echo "set-up: $*" >&2; exit 1; }
test -n "${ES_HOSTS:-}" || fail "ES_HOSTS is not set: it says where Elasticsearch is, such as http://es-logging-svc:9200"
url=$(echo "$ES_HOSTS" | sed 's/[, ].*//; s|/*$||')
echo "$RETENTION" | grep -Eq '^[1-9][0-9]*[dh]$' || fail "RETENTION \"$RETENTION\" is no number of days or hours, such as 30d"

# Credentials go to curl by a file, since arguments can be read by others.
quoted() { printf %s "$1" | sed 's/[\\"]/\\&/g'; }
{
  echo 'silent'
  echo 'show-error'
  echo 'max-time = 60'
  if [ -n "${SETUP_API_KEY:-}" ]; then
    echo "header = \"Authorization: ApiKey $(quoted "$SETUP_API_KEY")\""
  elif [ -n "${ELASTIC_PASSWORD:-}" ]; then
    echo "user = \"$(quoted "${SETUP_USER:-elastic}:$ELASTIC_PASSWORD")\""
  fi
} >"$work/curl"
if [ -n "${SETUP_API_KEY:-}" ]; then who=SETUP_API_KEY; elif [ -n "${ELASTIC_PASSWORD:-}" ]; then who=ELASTIC_PASSWORD; else who=; fi

# check_credentials STEP: ends if the answer rejects the credentials, with the server's own
# reason, which names the privilege, and the remedy.
check_credentials() {
  reason=$(sed -n 's/.*"reason" *: *"\([^"]*\)".*/\1/p' "$work/answer" 2>/dev/null | head -n 1)
  case "$status $who" in
    '401 ' | '403 ') fail "$1: the server requires credentials (status $status): set SETUP_API_KEY, or ELASTIC_PASSWORD" ;;
    401\ *) fail "$1: the server rejects the credentials in $who (status 401): they are wrong, or have expired" ;;
    403\ *) fail "$1: the key or user in $who may not do this (status 403): ${reason:-$(head -c 2000 "$work/answer")}; docs/security.md has the privileges of the set-up job. Logs are delivered all the same" ;;
  esac
}

# request METHOD URL [argument of curl…]: the answer is in $work/answer, its status in $status.
request() {
  method=$1 address=$2
  shift 2
  status=$(curl -K "$work/curl" ${ca:+--cacert "$ca"} -o "$work/answer" -w '%{http_code}' -X "$method" "$@" "$address" 2>"$work/error") || status=000
}
# request_or_fail STEP METHOD URL [argument…]: request, and end unless the answer is a success.
request_or_fail() {
  what=$1
  shift
  request "$@"
  case "$status" in
    2??) log "$what" ;;
    000) fail "$what: $(cat "$work/error")" ;;
    401 | 403) check_credentials "$what" ;;
    *) fail "$what: status $status from $2: $(head -c 2000 "$work/answer")" ;;
  esac
}
# await STEP URL: until it answers with success. 401 and 403 won't get better by waiting.
await() {
  end=$(($(date +%s) + PATIENCE))
  while :; do
    request GET "$2"
    case "$status" in
      2??) return ;;
      401 | 403) check_credentials "$1 at $2" ;;
    esac
    test "$(date +%s)" -lt "$end" || fail "$1 at $2 did not answer within $PATIENCE s: status $status $(cat "$work/error")"
    sleep 2
  done
}
ca=${ES_CA_FILE:-}
json='Content-Type: application/json'

await Elasticsearch "$url/_cluster/health?wait_for_status=yellow&timeout=30s"
log "Elasticsearch at $url answers"

if [ -n "${ELASTIC_PASSWORD:-}" ] && [ -n "${ES_USER:-}" ]; then
  request_or_fail "the role out_es_writer" PUT "$url/_security/role/out_es_writer" -H "$json" --data-binary "@$SET_UP/writer-role.json"
  # Passwords here are those of our own secrets; one with characters that JSON escapes is rejected.
  case "$ES_PASSWORD${KIBANA_PASSWORD:-}" in *[\\\"]*) fail 'ES_PASSWORD and KIBANA_PASSWORD must not hold " or \' ;; esac
  printf '{"password":"%s","roles":["out_es_writer"]}' "$ES_PASSWORD" >"$work/user"
  request_or_fail "the user $ES_USER" PUT "$url/_security/user/$ES_USER" -H "$json" --data-binary "@$work/user"
fi
if [ -n "${ELASTIC_PASSWORD:-}" ] && [ -n "${KIBANA_PASSWORD:-}" ]; then
  printf '{"password":"%s"}' "$KIBANA_PASSWORD" >"$work/user"
  request_or_fail "the password of kibana_system" POST "$url/_security/user/kibana_system/_password" -H "$json" --data-binary "@$work/user"
fi

# Which family of servers this is decides which templates it takes, and how old indices are deleted.
request GET "$url/"
case "$status" in 2??) ;; 401 | 403) check_credentials "the server's version" ;; *) request_or_fail "the server's version" GET "$url/_nodes/_local?filter_path=nodes.*.version" ;; esac
if grep -q '"distribution" *: *"opensearch"' "$work/answer"; then
  family=opensearch
elif grep -Eq '"(number|version)" *: *"7\.' "$work/answer"; then
  family=elasticsearch7
else
  family=elasticsearch
fi
test -f "$TEMPLATES/$family.logs-es_go.json" || fail "no templates for $family in $TEMPLATES"

# policy NAME HOT-ACTIONS: a lifecycle policy that deletes after RETENTION. Servers without policies
# say so with 400 or 405. 7.17 without policies takes _ilm for an index's name.
policies=no
policy() {
  printf '{"policy":{"phases":{"hot":{"actions":%s},"delete":{"min_age":"%s","actions":{"delete":{}}}}}}' "$2" "$RETENTION" >"$work/policy"
  request PUT "$url/_ilm/policy/$1" -H "$json" --data-binary "@$work/policy"
  case "$status" in
    2??) log "the lifecycle policy $1: delete after $RETENTION" && policies=yes ;;
    400 | 405) grep -q 'no handler found\|Incorrect HTTP method\|invalid_index_name_exception' "$work/answer" || fail "the lifecycle policy $1: $(head -c 2000 "$work/answer")" ;;
    401 | 403) check_credentials "the lifecycle policy $1" ;;
    *) fail "the lifecycle policy $1: status $status: $(head -c 2000 "$work/answer" 2>/dev/null || cat "$work/error")" ;;
  esac
}
# template NAME FILE POLICY: with the policy's name, where there are policies, and RETENTION for
# data streams that keep it themselves. Of logs-*-*, which others may write to as well, it takes the
# stack's own data streams only.
template() {
  insert=''
  if [ "$policies" = yes ] && [ -n "$3" ]; then insert="\"index.lifecycle.name\": \"$3\", "; fi
  sed -E "s/\"settings\": *\{/&$insert/; s/(\"data_retention\": *\")[^\"]*/\1$RETENTION/; s/\"logs-\*-\*\"/\"logs-kubernetes.*-*\"/" "$2" >"$work/template"
  request_or_fail "the index template $1 for $family" PUT "$url/_index_template/$1" -H "$json" --data-binary "@$work/template"
}

if [ "$family" = opensearch ]; then
  # OpenSearch keeps such policies in a plugin of its own. The write index of a data stream can't be
  # deleted: it rolls over first, and its age counts from then on. An existing policy stays as it
  # is: a change needs its sequence number.
  gone='{"name":"gone","actions":[{"delete":{}}],"transitions":[]}'
  states() { # name, description, patterns, actions, condition
    printf '{"policy":{"description":"out_es: %s","default_state":"kept","ism_template":[{"index_patterns":%s,"priority":100}],"states":[{"name":"kept","actions":%s,"transitions":[{"state_name":"gone","conditions":{"%s":"%s"}}]},%s]}}' \
      "$2" "$3" "$4" "$5" "$RETENTION" "$gone" >"$work/policy"
    request PUT "$url/_plugins/_ism/policies/$1" -H "$json" --data-binary "@$work/policy"
    case "$status" in
      2??) log "the state policy $1: delete after $RETENTION" ;;
      409) log "the state policy $1 exists already and is not changed" ;;
      401 | 403) check_credentials "the state policy $1" ;;
      400 | 404 | 405) log "this server has no state policies: old indices stay until you delete them" ;;
      *) fail "the state policy $1: status $status: $(head -c 2000 "$work/answer")" ;;
    esac
  }
  states out-es-daily 'daily indices' '["logstash-*","heapster-*"]' '[]' min_index_age
  states out-es-streams 'data streams' '["logs-kubernetes.*"]' '[{"rollover":{"min_index_age":"1d","min_primary_shard_size":"30gb"}}]' min_rollover_age
else
  policy out-es-daily '{}'
  test "$family" = elasticsearch || policy out-es-streams '{"rollover":{"max_age":"7d","max_primary_shard_size":"50gb"}}'
  test "$policies" = yes || log "this server has no lifecycle policies: logstash-* and heapster-* stay until you delete them"
fi
for file in "$TEMPLATES/$family".*.json; do
  name=${file##*/$family.}
  name=${name%.json}
  case "$family $name" in
    *' logstash'*) template "$name" "$file" out-es-daily ;;
    'elasticsearch7 logs'*) template "$name" "$file" out-es-streams ;;
    *) template "$name" "$file" '' ;;
  esac
done
template heapster-es_go "$SET_UP/heapster.json" out-es-daily

# Existing data streams keep their retention until it is set here. It is no error if there are none.
if [ "$family" = elasticsearch ]; then
  request PUT "$url/_data_stream/logs-kubernetes.*/_lifecycle" -H "$json" --data-binary "{\"data_retention\":\"$RETENTION\"}"
  case "$status" in
    2??) log "the data streams logs-kubernetes.*: kept for $RETENTION" ;;
    400 | 404 | 405) ;;
    401 | 403) check_credentials "the retention of logs-kubernetes.*" ;;
    *) fail "the retention of logs-kubernetes.*: status $status: $(head -c 2000 "$work/answer")" ;;
  esac
fi

if [ -n "${KIBANA_URL:-}" ]; then
  ca=${KIBANA_CA_FILE:-$ca}
  kibana=$(echo "$KIBANA_URL" | sed 's|/*$||')
  await Kibana "$kibana/api/status"
  request_or_fail "data views and dashboard" POST "$kibana/api/saved_objects/_import?overwrite=true" -H 'kbn-xsrf: true' -F "file=@$KIBANA_FILES/saved-objects.ndjson"
  grep -q '"success":true' "$work/answer" || fail "Kibana took the data views and the dashboard in part only: $(head -c 2000 "$work/answer")"
fi
log "done"

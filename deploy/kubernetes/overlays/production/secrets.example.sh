#!/usr/bin/env bash
# Prints the secrets that the production overlay needs, with random passwords and certificates of an
# authority of their own that is thrown away: an example, and enough to start with. Where there is a
# certificate manager or a vault, take the names from here.
#
#   ./secrets.example.sh FOLDER
#
# makes a folder that is a component of kustomize: named in a kustomization beside the overlay, it
# makes Secrets with a hash in their names. A second apply changes nothing; a changed file of the
# folder makes another Secret, and rolls the pods that read it. Keep the folder with other secrets,
# not in git. Without a folder the Secrets are printed, under plain names, for a cluster that takes
# them as they are:
#
#   ./secrets.example.sh | kubectl create -f -
#
# Each run makes other passwords and another authority. Nothing in use is overwritten: an existing
# folder is left alone, and the Secrets are immutable. To change one of a plain name, delete it
# first, and restart its readers (kubectl rollout restart).
set -euo pipefail
folder=${1:-}
test -z "$folder" || { mkdir "$folder" && folder=$(cd "$folder" && pwd) && chmod 700 "$folder"; } || { echo "$folder stays as it is: each run makes other secrets" >&2; exit 1; }
namespace=${NAMESPACE:-monitoring}
days=825
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v openssl >/dev/null || { echo "openssl is missing (Debian, Ubuntu: apt-get install openssl)" >&2; exit 1; }

openssl req -x509 -newkey rsa:3072 -nodes -days "$days" -subj "/CN=es-logging authority" -keyout ca.key -out ca.crt 2>/dev/null
certificate() { # name, subject alternative names
  openssl req -newkey rsa:3072 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$2" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days "$days" -extfile "$1.ext" -out "$1.crt" 2>/dev/null
}
certificate es-logging "DNS:es-logging-svc,DNS:es-logging-svc.$namespace,DNS:es-logging-svc.$namespace.svc,DNS:*.es-logging-nodes,DNS:*.es-logging-nodes.$namespace.svc,DNS:localhost"
certificate kibana-logging "DNS:kibana-logging-svc,DNS:kibana-logging-svc.$namespace,DNS:kibana-logging-svc.$namespace.svc,DNS:localhost"

secret() { # name; then key=value or key=@file
  name=$1
  shift
  if [ -n "$folder" ]; then generated "$name" "$@"; else printed "$name" "$@"; fi
}
printed() {
  printf 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  namespace: %s\ntype: Opaque\nimmutable: true\ndata:\n' "$1" "$namespace"
  shift
  for pair in "$@"; do
    value=${pair#*=}
    case "$value" in
      @*) encoded=$(base64 -w0 <"${value#@}") ;;
      *) encoded=$(printf %s "$value" | base64 -w0) ;;
    esac
    printf '  %s: %s\n' "${pair%%=*}" "$encoded"
  done
  echo ---
}
# An outer kustomization moves all to another namespace, so the overlays' own is named here.
generated() {
  printf '  - name: %s\n    namespace: monitoring\n' "$1" >>"$folder/kustomization.yaml"
  mkdir "$folder/$1"
  files=''
  for pair in "${@:2}"; do
    key=${pair%%=*} value=${pair#*=}
    case "$value" in
      @*) cp "${value#@}" "$folder/$1/$key" && files+="      - $1/$key"$'\n' ;;
      *) echo "$key=$value" >>"$folder/$1/env" ;;
    esac
  done
  test -z "$files" || printf '    files:\n%s' "$files" >>"$folder/kustomization.yaml"
  test ! -e "$folder/$1/env" || printf '    envs:\n      - %s/env\n' "$1" >>"$folder/kustomization.yaml"
}
if [ -n "$folder" ]; then
  umask 077
  cat >"$folder/kustomization.yaml" <<END
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
generatorOptions:
  immutable: true
  labels:
    app.kubernetes.io/part-of: out-es
secretGenerator:
END
fi
random() { openssl rand -hex 24; }
secret es-logging-ca ca.crt=@ca.crt
secret es-logging-certs ca.crt=@ca.crt tls.crt=@es-logging.crt tls.key=@es-logging.key
secret kibana-logging-certs ca.crt=@ca.crt tls.crt=@kibana-logging.crt tls.key=@kibana-logging.key
# The user of the agents and the collector. The set-up creates it.
secret out-es-credentials ES_USER=out_es ES_PASSWORD="$(random)"
# The secrets of the set-up, and of Elasticsearch and Kibana themselves.
secret es-logging-admin ELASTIC_PASSWORD="$(random)" KIBANA_PASSWORD="$(random)" KIBANA_SECURITY_KEY="$(random)" \
  KIBANA_SAVED_OBJECTS_KEY="$(random)" KIBANA_REPORTING_KEY="$(random)"

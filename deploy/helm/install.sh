#!/bin/sh
# Installs or upgrades the agent and the collector of events by Fluent Bit's own chart, after
# `kubectl apply -k deploy/kubernetes/overlays/helm`:
#
#   helm repo add fluent https://fluent.github.io/helm-charts
#   deploy/helm/install.sh [further arguments for helm, such as --set, --values or --version]
#
# A changed file, value or secret rolls the pods: the chart makes a checksum of the files, and this
# one of the secret. Further arguments are for both releases; their differences go into the
# environment:
#
#   NAMESPACE        monitoring
#   CHART            fluent/fluent-bit, or a folder
#   HELM             "helm upgrade --install"; "helm template" shows the objects
#   AGENT_ARGUMENTS, EVENTS_ARGUMENTS   further arguments for one release only
set -eu
here=$(cd "$(dirname "$0")" && pwd)
namespace=${NAMESPACE:-monitoring}
files=$here/../kubernetes/base

sum=$(kubectl -n "$namespace" get secret out-es-credentials --ignore-not-found -o jsonpath='{.data}' | sha256sum | cut -d ' ' -f 1)
release() { # name, values, folder of the configuration, arguments of this release, further arguments
  name=$1 values=$2 folder=$3 own=$4
  shift 4
  for file in "$folder"/*; do
    key=$(basename "$file")
    case "$key" in
      kustomization.yaml | daemonset.yaml | deployment.yaml) ;;
      *) set -- --set-file "config.extraFiles.$(echo "$key" | sed 's/\./\\./g')=$file" "$@" ;;
    esac
  done
  # shellcheck disable=SC2086 # words
  ${HELM:-helm upgrade --install} "$name" "${CHART:-fluent/fluent-bit}" --namespace "$namespace" --values "$here/$values" \
    --set-string "podAnnotations.checksum/secret=$sum" $own "$@"
}
release out-es-agent values.yaml "$files/agent" "${AGENT_ARGUMENTS:-}" "$@"
if [ "${HELM:-}" = "helm template" ]; then echo ---; fi
release out-es-events values-events.yaml "$files/events" "${EVENTS_ARGUMENTS:-}" "$@"

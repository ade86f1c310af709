#!/bin/sh
# Creates or updates the namespace and nightload's search attributes. Idempotent.
# Server: TEMPORAL_ADDRESS. Namespace: TEMPORAL_NAMESPACE.
set -eu

: "${TEMPORAL_ADDRESS:?}" "${TEMPORAL_NAMESPACE:?}"
# For this long a load is refused as already loaded.
RETENTION="${NAMESPACE_RETENTION:-30d}"

# Repeats a command for a minute: a server that has just started may not be ready.
try() {
  attempt=0
  until "$@"; do
    attempt=$((attempt + 1))
    [ "$attempt" -lt 30 ] || return 1
    sleep 2
  done
}

attributes() {
  temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE"
}

attribute() {
  if echo "$KNOWN" | grep -qw "$1"; then return; fi
  try temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$1" --type "$2"
}

try temporal operator cluster health
if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" > /dev/null 2>&1; then
  temporal operator namespace update --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
else
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
fi

# Once this answers, the new namespace is available everywhere.
try attributes > /dev/null
KNOWN="$(attributes)"
attribute NightloadObject Keyword
attribute NightloadOperation Keyword
attribute NightloadConnection Keyword
attribute NightloadPhase Keyword
attribute NightloadRejected Int
attribute NightloadJobIds KeywordList
echo "The namespace $TEMPORAL_NAMESPACE is ready."

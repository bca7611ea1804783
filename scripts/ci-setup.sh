#!/usr/bin/env bash
# Installs what tests need beside Node, where it is missing: strace (the durability test watches a server's system
# calls) and curl (a registration by curl alone). Needs Debian's apt-get and root; otherwise it only says what is missing.
# Go, which the interop suite uses where it is there, is not installed: that suite has a reader of its own beside it.
set -euo pipefail

missing=()
for command in strace curl; do
  command -v "$command" >/dev/null || missing+=("$command")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "missing: ${missing[*]} (install them to run every test)" >&2
  exit 0
fi
echo "installing: ${missing[*]}"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"

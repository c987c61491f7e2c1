#!/bin/bash
# Runs every fuzz test of the module for the given time each (default 10m).
#   bench/fuzz.sh [TIME] [PACKAGE...]
set -uo pipefail
cd "$(dirname "$0")/.."
time=${1:-10m}; shift || true
packages=("$@")
[ ${#packages[@]} -gt 0 ] || mapfile -t packages < <(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u)
bad=0
for p in "${packages[@]}"; do
    for f in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$p"/*_test.go | awk '{print $2}'); do
        echo "== $p $f $time"
        go test -run "^$" -fuzz "^$f\$" -fuzztime "$time" -fuzzminimizetime 10x "$p" || bad=1
    done
done
exit $bad

#!/bin/bash
# Every figure of docs/performance.md, one after the other. Run it on a machine
# that does nothing else. Without ruby or ActiveMQ (interop/install.sh) it leaves
# out what needs them and says so.
set -uo pipefail
cd "$(dirname "$0")/.."
export INTEROP_DIR=${INTEROP_DIR:-$(mktemp -d)} ACTIVEMQ_STOMP_PORT=${ACTIVEMQ_STOMP_PORT:-62613} ACTIVEMQ_STOMP_SSL_PORT=

echo "== the binary"
go run ./bench/binary
echo "== mco ping over NATS against a raw scatter-gather"
go run ./bench/ping
echo "== SimpleRPC over NATS against a raw scatter-gather, the client's memory, and mco find as a command"
go run ./bench/rpc
echo "== agents: programs, workers, and what the system itself knows"
go run ./bench/agents
if command -v ruby >/dev/null; then
    echo "== marshal against Ruby's"
    go test -run '^$' -bench . -benchmem ./bench/marshal
else
    echo "== marshal against Ruby's: skipped, no ruby"
fi
if [ -d /usr/share/activemq ]; then
    echo "== mco ping over ActiveMQ against a raw scatter-gather"
    interop/broker-activemq.sh start && go run ./bench/stomp -addr "127.0.0.1:$ACTIVEMQ_STOMP_PORT" -n 1,100,1000 -ours
    interop/broker-activemq.sh stop
else
    echo "== mco ping over ActiveMQ: skipped, no activemq"
fi

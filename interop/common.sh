# Shared settings and helpers. Sourced by the other scripts in this directory.
#
# Everything that is written goes below $INTEROP_DIR. Nothing outside it is
# touched, and every listener is bound to 127.0.0.1.

set -euo pipefail

HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

: "${INTEROP_DIR:=${TMPDIR:-/tmp}/mco-interop}"
mkdir -p "$INTEROP_DIR"
INTEROP_DIR="$(cd "$INTEROP_DIR" && pwd)"
export INTEROP_DIR

: "${CONNECTOR:=activemq}"          # activemq | rabbitmq
: "${SECURITY:=psk}"                # psk | ssl | aes_security
: "${SERIALIZER:=marshal}"          # marshal | yaml   (ssl and aes only)
: "${PSK:=interop-test-psk}"        # only for SECURITY=psk
: "${COLLECTIVES:=mcollective}"     # comma separated
: "${MAIN_COLLECTIVE:=${COLLECTIVES%%,*}}"
: "${DIRECT_ADDRESSING:=1}"
: "${STOMP_USER_NAME:=mcollective}"
: "${STOMP_PASS:=marionette}"
: "${STOMP_HOST:=127.0.0.1}"
: "${BROKER_TLS:=0}"                # 1: nodes and client talk STOMP over TLS
: "${HEARTBEAT:=0}"                 # seconds, 0 = off (the product default)
: "${LOGLEVEL:=info}"
: "${TTL:=60}"
: "${KEYS_DIR:=$INTEROP_DIR/keys}"  # throwaway RSA keys for ssl / aes / TLS

: "${ACTIVEMQ_STOMP_PORT:=61613}"
: "${ACTIVEMQ_STOMP_SSL_PORT=61614}"
: "${ACTIVEMQ_HEAP:=512M}"
: "${ACTIVEMQ_MAX_FRAME:=}"
: "${DENIED:=}"
: "${RABBITMQ_STOMP_PORT:=61713}"
: "${RABBITMQ_STOMP_SSL_PORT=61714}"
: "${RABBITMQ_AMQP_PORT:=56720}"
: "${RABBITMQ_MGMT_PORT:=56721}"
: "${RABBITMQ_EPMD_PORT:=56722}"
: "${RABBITMQ_DIST_PORT:=56723}"
: "${RABBITMQ_VHOST:=/mcollective}"

die() { echo "$(basename "$0"): $*" >&2; exit 1; }

alive() { [ -f "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

# stop_pidfile FILE [SECONDS]: TERM, wait, then KILL; only ever the pid recorded
stop_pidfile() {
    local f=$1 secs=${2:-10} pid i
    [ -f "$f" ] || return 0
    pid=$(cat "$f")
    if kill -0 "$pid" 2>/dev/null; then
        kill "$pid" 2>/dev/null || true
        for ((i = 0; i < secs * 10; i++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        if kill -0 "$pid" 2>/dev/null; then kill -9 "$pid" 2>/dev/null || true; fi
    fi
    rm -f "$f"
}

# connected PID PORT: does the process hold an established TCP connection to PORT?
connected() {
    local inodes
    inodes=$(ls -l "/proc/$1/fd" 2>/dev/null | sed -n 's/.*socket:\[\([0-9]*\)\].*/\1/p' | tr '\n' ' ')
    awk -v want="$(printf '%04X' "$2")" -v mine=" $inodes " \
        '$4 == "01" { split($3, a, ":"); if (a[2] == want && index(mine, " " $10 " ")) ok = 1 } END { exit !ok }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# wait_port PORT SECONDS [PIDFILE]
wait_port() {
    local port=$1 secs=$2 pf=${3:-} i
    for ((i = 0; i < secs * 10; i++)); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return 0; fi
        if [ -n "$pf" ] && ! alive "$pf"; then return 1; fi
        sleep 0.1
    done
    return 1
}

# One CA, one broker certificate, one server key pair (shared by all nodes) and
# client key pairs. Plain RSA keys are what the ssl plugin documents; the aes
# plugin accepts the same PEM files.
make_keys() {
    local d=$KEYS_DIR n
    [ -f "$d/.done" ] && return 0
    mkdir -p "$d/clients"
    chmod 700 "$d"
    (
        cd "$d"
        openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 3650 \
            -subj "/CN=interop-ca" -keyout ca-key.pem -out ca.pem
        for n in broker tls-client; do
            openssl req -newkey rsa:2048 -nodes -subj "/CN=${n/broker/localhost}" \
                -keyout "$n-key.pem" -out "$n.csr"
            printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > "$n.ext"
            openssl x509 -req -in "$n.csr" -CA ca.pem -CAkey ca-key.pem \
                -CAcreateserial -sha256 -days 3650 -extfile "$n.ext" -out "$n.pem"
            rm -f "$n.csr" "$n.ext"
        done
        for n in server tester other; do
            openssl genrsa -traditional -out "$n-private.pem" 2048
            openssl rsa -in "$n-private.pem" -pubout -out "$n.pem"
        done
        mv server.pem server-public.pem
        cp tester.pem clients/tester.pem
        cp other.pem clients/other.pem
        # lets nodes accept requests and registrations that nodes originate
        cp server-public.pem clients/server-public.pem
        touch .done
    ) >"$d/openssl.log" 2>&1 || { cat "$d/openssl.log" >&2; die "key generation failed"; }
}

# Emits the configuration lines that are common to server.cfg and client.cfg.
# $1 is "server" or "client".
common_cfg() {
    local role=$1 port
    cat <<CFG
main_collective = $MAIN_COLLECTIVE
collectives = $COLLECTIVES
libdir = $HERE/plugins
direct_addressing = $DIRECT_ADDRESSING
ttl = $TTL
factsource = yaml
connector = $CONNECTOR
securityprovider = $SECURITY
CFG
    case $CONNECTOR in
        activemq)
            port=$ACTIVEMQ_STOMP_PORT
            [ "$BROKER_TLS" = 1 ] && port=$ACTIVEMQ_STOMP_SSL_PORT ;;
        rabbitmq)
            port=$RABBITMQ_STOMP_PORT
            [ "$BROKER_TLS" = 1 ] && port=$RABBITMQ_STOMP_SSL_PORT
            echo "plugin.rabbitmq.vhost = $RABBITMQ_VHOST" ;;
        *) die "CONNECTOR must be activemq or rabbitmq" ;;
    esac
    cat <<CFG
plugin.$CONNECTOR.pool.size = 1
plugin.$CONNECTOR.pool.1.host = $STOMP_HOST
plugin.$CONNECTOR.pool.1.port = $port
plugin.$CONNECTOR.pool.1.user = $STOMP_USER_NAME
plugin.$CONNECTOR.pool.1.password = $STOMP_PASS
CFG
    if [ "$BROKER_TLS" = 1 ]; then
        make_keys
        cat <<CFG
plugin.$CONNECTOR.pool.1.ssl = true
plugin.$CONNECTOR.pool.1.ssl.ca = $KEYS_DIR/ca.pem
plugin.$CONNECTOR.pool.1.ssl.cert = $KEYS_DIR/tls-client.pem
plugin.$CONNECTOR.pool.1.ssl.key = $KEYS_DIR/tls-client-key.pem
CFG
    fi
    [ "$HEARTBEAT" != 0 ] && echo "plugin.$CONNECTOR.heartbeat_interval = $HEARTBEAT"
    case $SECURITY in
        psk)
            echo "plugin.psk = $PSK" ;;
        ssl)
            make_keys
            echo "plugin.ssl_serializer = $SERIALIZER"
            echo "plugin.ssl_server_public = $KEYS_DIR/server-public.pem"
            if [ "$role" = server ]; then
                echo "plugin.ssl_server_private = $KEYS_DIR/server-private.pem"
                echo "plugin.ssl_client_cert_dir = $KEYS_DIR/clients"
            else
                echo "plugin.ssl_client_private = $KEYS_DIR/tester-private.pem"
                echo "plugin.ssl_client_public = $KEYS_DIR/tester.pem"
            fi ;;
        aes_security)
            make_keys
            echo "plugin.aes.serializer = $SERIALIZER"
            if [ "$role" = server ]; then
                echo "plugin.aes.server_private = $KEYS_DIR/server-private.pem"
                echo "plugin.aes.server_public = $KEYS_DIR/server-public.pem"
                echo "plugin.aes.client_cert_dir = $KEYS_DIR/clients"
            else
                echo "plugin.aes.client_private = $KEYS_DIR/tester-private.pem"
                echo "plugin.aes.client_public = $KEYS_DIR/tester.pem"
            fi ;;
        *) die "SECURITY must be psk, ssl or aes_security" ;;
    esac
    # Free-form additions, e.g. EXTRA_CFG=$'plugin.aes.send_pubkey = 1'
    [ -n "${EXTRA_CFG:-}" ] && printf '%s\n' "$EXTRA_CFG"
    return 0
}

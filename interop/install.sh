#!/bin/bash
# Installs what the interop suite runs against, on Debian as root; elsewhere says
# what is missing and changes nothing. Exit 0 when everything is there.
set -u
packages=(mcollective mcollective-client ruby ruby-stomp activemq rabbitmq-server openssl
    php-cli nodejs python3 python3-jsonschema perl monitoring-plugins-basic procps)

missing() {
    local p
    for p in "${packages[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
    done
}

command -v dpkg-query >/dev/null || { echo "interop: not Debian; needs: ${packages[*]}" >&2; exit 1; }
want=$(missing)
[ -z "$want" ] && exit 0
if [ "$(id -u)" != 0 ]; then
    echo "interop: not root; install first: apt-get install" $want >&2
    exit 1
fi

# A package's start script must not start a broker on the system's own ports.
policy=/usr/sbin/policy-rc.d
made=0
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 755 "$policy" && made=1
fi
export DEBIAN_FRONTEND=noninteractive
{ apt-get update && apt-get install -y --no-install-recommends $want; } >/dev/null || true
[ "$made" = 1 ] && rm -f "$policy"

want=$(missing)
[ -z "$want" ] || { echo "interop: could not install:" $want >&2; exit 1; }

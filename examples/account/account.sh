#!/bin/sh
. "${0%/*}/mco.sh"

action_show() {
    line=$(grep "^$MCO_ARG_user:" /etc/passwd | head -n 1)
    [ -n "$line" ] || mco_fail "no account $MCO_ARG_user"
    IFS=: read -r _ _ uid gid _ home shell <<EOF
$line
EOF
    mco_number uid "$uid"
    mco_number gid "$gid"
    mco_set home "$home"
    mco_set shell "$shell"
}

action_list() {
    count=0 names=
    while IFS=: read -r name _ uid _; do
        case $uid in '' | *[!0-9]*) continue ;; esac
        [ "$uid" -ge "$MCO_ARG_min_uid" ] && [ "$uid" -le "$MCO_ARG_max_uid" ] || continue
        count=$((count + 1)) names="$names,$(mco_quote "$name")"
    done < /etc/passwd
    mco_number count "$count"
    mco_number accounts "[${names#,}]"
}

mco_serve

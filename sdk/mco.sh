# Helper for agents in sh: put it beside the agent. Any POSIX shell.
#
#   . "${0%/*}/mco.sh"
#
#   action_hello() {
#       [ -n "$MCO_ARG_name" ] || mco_fail "no name" 3
#       mco_log "greeting" debug
#       mco_set message "hello $MCO_ARG_name"
#   }
#
#   mco_serve
#
# It serves one call. Inputs are in MCO_ARG_name. What the agent prints goes to the
# log, and cannot spoil the answer.

mco_data=

# mco_set OUTPUT TEXT gives an output its value.
mco_set() {
    mco_data="$mco_data$(mco_quote "$1"):$(mco_quote "$2"),"
}

# mco_number OUTPUT NUMBER does so with a number, true, false or null.
mco_number() {
    mco_data="$mco_data$(mco_quote "$1"):$2,"
}

# mco_fail TEXT [STATUS] ends the action with a status, by default 1.
mco_fail() {
    mco_answer "${2:-1}" "$1"
}

# mco_log TEXT [error|warn|info|debug] writes a line to the log of the node.
mco_log() {
    case "${2:-info}" in error) mco_level=E ;; warn*) mco_level=W ;; debug) mco_level=D ;; *) mco_level=I ;; esac
    printf '%s! %s\n' "$mco_level" "$1" >&2
}

# mco_quote TEXT prints it as JSON does.
mco_quote() {
    printf '%s' "$1" | tr -d '\000-\010\013-\037' | sed 's/\\/\\\\/g; s/"/\\"/g; s/	/\\t/g' |
        awk 'BEGIN { printf "\"" } NR > 1 { printf "\\n" } { printf "%s", $0 } END { printf "\"" }'
}

mco_answer() {
    printf '{%s"mco":{"statuscode":%d,"statusmsg":%s}}\n' "$mco_data" "$1" "$(mco_quote "$2")" >&3
    exit "$1"
}

# mco_serve answers the call with the function action_NAME.
mco_serve() {
    exec 3>&1 1>&2
    command -v "action_$MCO_ACTION" > /dev/null || mco_answer 2 "unknown action $MCO_ACTION"
    "action_$MCO_ACTION" || mco_answer 1 "action $MCO_ACTION failed with exit status $?"
    mco_answer 0 OK
}

#!/bin/sh
# A task of Bolt, as people write them.
has() { grep -qxF -e "$PT_line" -- "$PT_path"; }

if [ ! -f "$PT_path" ]; then
    echo '{"_error": {"msg": "there is no such file", "kind": "lines/no-file", "details": {"task": "'"$PT__task"'"}}}'
    exit 1
fi
changed=false
if [ "$PT_ensure" = present ] && ! has; then
    changed=true
    [ "$PT__noop" = true ] || printf '%s\n' "$PT_line" >> "$PT_path"
elif [ "$PT_ensure" = absent ] && has; then
    changed=true
    if [ "$PT__noop" != true ]; then
        rest=$(grep -vxF -e "$PT_line" -- "$PT_path")
        printf '%s\n' "$rest" > "$PT_path"
    fi
fi
echo "{\"changed\": $changed, \"lines\": $(grep -c '' "$PT_path")}"

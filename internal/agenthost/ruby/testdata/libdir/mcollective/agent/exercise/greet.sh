#!/bin/sh
echo "to the log"
name=$(sed 's/.*"name":"\([a-z]*\)".*/\1/' "$MCOLLECTIVE_REQUEST_FILE")
test "$1" = "$MCOLLECTIVE_REQUEST_FILE" || exit 7
if test "$name" = nobody; then
	echo "nobody is here" >&2
	exit 2
fi
echo "{\"greeting\":\"hello $name\"}" >"$2"

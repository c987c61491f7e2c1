#!/bin/sh
# A plugin of Nagios, as people write them.
while getopts w:c:q: o; do
    case $o in w) warn=$OPTARG ;; c) crit=$OPTARG ;; q) n=$OPTARG ;; *) exit 3 ;; esac
done
[ -n "$n" ] || { echo "QUEUE UNKNOWN - no length"; exit 3; }
perf="length=$n;$warn;$crit;0 age=1.5s"
if [ "$n" -ge "$crit" ]; then echo "QUEUE CRITICAL - $n waiting | $perf"; exit 2; fi
if [ "$n" -ge "$warn" ]; then echo "QUEUE WARNING - $n waiting | $perf"; exit 1; fi
echo "QUEUE OK - $n waiting | $perf"

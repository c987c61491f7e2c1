#!/bin/sh
# A task that prints text.
echo "user $(id -un)"

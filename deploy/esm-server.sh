#!/bin/sh
# Any other command of esm-server as esm-server.service runs it: with its user, settings and data.
# Run it as root; files it shall read or write are named absolutely and must be that user's.
# VENV: another version's environment, for its `migrate`.
exec systemd-run --quiet --pipe --wait --collect \
    -p User=esm-registry \
    -p Environment=ESM_SERVER_DATA_DIR=/var/lib/esm-registry \
    -p EnvironmentFile=-/etc/esm-registry/env \
    -p StateDirectory=esm-registry \
    -p StateDirectoryMode=0700 \
    -p UMask=0077 \
    "${VENV:-/opt/esm-registry}/bin/esm-server" "$@"

#!/usr/bin/env bash
# Lipsync Studio: ./run.sh starts the page on http://127.0.0.1:7860; with arguments it passes them to
# `python -m lipsync_core`, such as ./run.sh render --help.
# The first call installs what is needed into .venv beside this file.
set -euo pipefail
root=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd)
. "$root/setup/environment.sh"
set_up requirements.txt
if [ $# -eq 0 ]; then exec "$python" "$root/app.py"; fi
# -P: a file in the current folder must not stand in for a module of that name.
PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" exec "$python" -P -m lipsync_core "$@"

#!/usr/bin/env bash
# Sets up what run.sh does and the test requirements, then checks and tests; arguments go to pytest.
set -euo pipefail
root=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd)
. "$root/setup/environment.sh"
set_up requirements.txt requirements-dev.txt
cd "$root"
"$python" -m ruff check
"$python" -m ruff format --check
# Gradio writes such a file beside a component when it is imported; one of an older version would mislead mypy.
rm -f lipsync_core/ui/preview_image.pyi
"$python" -m mypy
exec "$python" -m pytest "$@"

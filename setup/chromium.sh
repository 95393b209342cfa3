# Sourced by .ci/run: the tests of pages drive the system's Chromium, and skip themselves where there is none.

install_chromium() {
    local sudo=()
    if command -v chromium >/dev/null || command -v chromium-browser >/dev/null; then return; fi
    if [ "$(id -u)" -ne 0 ]; then sudo=(sudo -n); fi
    if command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }; then
        echo "Installing the system package chromium." >&2
        "${sudo[@]}" apt-get update -qq >&2 || true
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >&2 && return
    fi
    echo "There is no Chromium and it cannot be installed here, so the tests of pages are skipped." >&2
}

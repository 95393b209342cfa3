# Sourced by run.sh and test.sh with $root set: `set_up FILE...` makes $root/.venv what the requirement FILEs say and
# sets $python to its interpreter. When all is in place it only compares files.

venv="$root/.venv"
python="$venv/bin/python"

set_up() {
    if ! in_place "$@"; then
        # One at a time: the lock on the folder goes with this shell, however it ends.
        exec 9<"$root"
        if command -v flock >/dev/null; then flock 9; fi
        in_place "$@" || install "$@" >&2
        exec 9<&-
    fi
}

# Each requirement file is copied into the environment when it has been installed; the name holds the Python version,
# because an upgrade of the system's Python leaves an environment without its packages.
stamp() {
    echo "$venv/installed-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-$(basename "$1")"
}

in_place() {
    [ -x "$python" ] || return 1
    local file version
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || return 1
    for file in "$@"; do
        cmp -s "$root/$file" "$venv/installed-$version-${file##*/}" || return 1
    done
}

install() {
    local file
    make_environment
    say "Installing what $* asks for; the first time it takes some minutes and 2 GB."
    export PIP_DISABLE_PIP_VERSION_CHECK=1
    "$python" "$root/setup/install_torch.py" "$root/requirements.txt"
    for file in "$@"; do
        "$python" -P -m pip install --quiet --requirement "$root/$file"
        cp "$root/$file" "$(stamp "$file")"
    done
}

make_environment() {
    # An environment whose making was interrupted has no pip.
    if [ -x "$python" ] && "$python" -P -m pip --version >/dev/null 2>&1 && supported "$python"; then return; fi
    local base options=(--clear)
    base=$(find_python) || fail "No Python 3.11, 3.12 or 3.13 was found; install one, for example with \`sudo apt-get install python3-venv\`, and try again."
    if ! "$base" -c 'import ensurepip, venv' 2>/dev/null; then install_venv "$base"; fi
    if has_cuda_torch "$base"; then
        say "Using the torch with CUDA of $base."
        options+=(--system-site-packages)
    fi
    say "Making $venv with $("$base" --version)."
    "$base" -m venv "${options[@]}" "$venv"
}

supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

# A name on the PATH is not enough: it may be a launcher of something that is not installed.
find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python; do
        if command -v "$candidate" >/dev/null && supported "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# Debian and Ubuntu keep venv in a package of its own.
install_venv() {
    local package sudo=()
    package="python$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    if [ "$(id -u)" -ne 0 ]; then sudo=(sudo -n); fi
    if command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }; then
        say "Installing the system package $package."
        "${sudo[@]}" apt-get update -qq >&2 || true
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package" >&2 && return
    fi
    fail "$1 has no venv module; install it, on Debian and Ubuntu with \`sudo apt-get install $package\`, and try again."
}

# Importing torch takes seconds: only asked where there is an NVIDIA GPU.
has_cuda_torch() {
    if [ ! -e /dev/nvidia0 ] && ! command -v nvidia-smi >/dev/null; then return 1; fi
    "$1" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null
}

say() { echo "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

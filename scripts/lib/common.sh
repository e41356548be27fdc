# What the scripts of this folder share. Sourced, never run.
# POSIX sh only: macOS ships bash 3.2, Alpine ships busybox, Debian ships dash.
# shellcheck shell=sh

# rustup's own folder, so that a shell opened before rustup was installed finds cargo too.
PATH="$PATH:${HOME:-/root}/.cargo/bin"
export PATH

# Messages go to standard error; standard output carries a script's answer alone.
say() {
    printf '%s\n' "$*" >&2
}

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# True where the script may only say what it would do.
dry_run() {
    [ "${DBPROOF_DRY_RUN:-}" = 1 ]
}

# Runs a command, or only names it in a dry run. Its output is progress, hence standard error.
run() {
    say "+ $*"
    dry_run || "$@" >&2
}

# How this user becomes root: nothing for root, else sudo or doas. Without a terminal nobody can
# type a password, so sudo and doas must not ask for one. Fails where there is no way.
privilege() {
    if [ "$(id -u)" -eq 0 ]; then
        return 0
    elif have sudo; then
        if [ -t 0 ]; then echo sudo; else echo "sudo -n"; fi
    elif have doas; then
        if [ -t 0 ]; then echo doas; else echo "doas -n"; fi
    else
        return 1
    fi
}

# Runs a command as root.
as_root() {
    as_root_with=$(privilege) || die "this needs root, and neither sudo nor doas is here: $*"
    # shellcheck disable=SC2086 # deliberately split: "sudo -n" is a command and its option
    run $as_root_with "$@"
}

# The system's package manager: apt-get, dnf, apk or brew; nothing where there is none we know.
package_manager() {
    if [ "$(uname -s)" = Darwin ]; then
        if have brew; then echo brew; fi
        return 0
    fi
    for manager in apt-get dnf apk; do
        if have "$manager"; then
            echo "$manager"
            return 0
        fi
    done
}

# Installs packages with the given package manager.
install_packages() {
    manager=$1
    shift
    case $manager in
        apt-get)
            # A fresh image has no package lists; a machine that is just starting up holds the lock.
            # One repository out of reach need not keep the package from being found in another.
            as_root apt-get update -qq || say "apt-get update failed; trying the lists that are here"
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
                --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"
            ;;
        dnf) as_root dnf install -y "$@" ;;
        apk) as_root apk add --no-cache "$@" ;;
        brew) run brew install "$@" ;;
        *) die "no package manager that this script knows" ;;
    esac
}

"""What to do on a machine where isolation cannot be set up, guessed from what the kernel shows."""

from __future__ import annotations

from pathlib import Path

from sandmle.sandbox import _landlock as landlock

BUBBLEWRAP = "install it with `apt-get install bubblewrap` (Fedora: `dnf install bubblewrap`)"

_SWITCHES = (
    ("user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=15000"),
    ("kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
)
_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")


def advise(error: str) -> str:
    """Return the error with what to do about it, where it is one of missing namespaces."""
    return f"{error}; {namespaces()}" if "namespace" in error or "mount" in error else error


def namespaces() -> str:
    """Return how to get namespaces on this machine, or how to do without them, as one sentence."""
    weaker = ""
    if landlock.abi() >= landlock.SCOPES_SINCE:
        weaker = "; without namespaces there is the weaker --sandbox landlock"
    return _how_to_get_namespaces() + weaker


def _how_to_get_namespaces() -> str:
    for switch, value, command in _SWITCHES:
        if _read(f"/proc/sys/{switch}") == value:
            return f"user namespaces are switched off here; as root: `{command}`"
    if any(Path(mark).exists() for mark in _CONTAINER_MARKS):
        return (
            "this is a container that forbids namespaces; start it with `--privileged`, or with "
            "`--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined`"
        )
    return (
        "the kernel or its security modules forbid it; run as root or on another machine, "
        "or use --sandbox unsafe for code that you trust"
    )


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return ""

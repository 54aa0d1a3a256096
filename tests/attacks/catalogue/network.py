"""Network and communication between processes: nothing of the host answers, nothing gets out."""

from __future__ import annotations

from _attack import Attack, Outcome, any_of, said_so

_FAMILIES = {
    "netlink": (16, 3, 0),
    "packet": (17, 3, 0),
    "bluetooth": (31, 3, 1),
    "alg": (38, 5, 0),
    "vsock": (40, 1, 0),
    "xdp": (44, 3, 0),
    "raw IP": (2, 3, 1),
    "raw IPv6": (10, 3, 58),
    "kcm": (41, 5, 0),
    "tipc": (30, 1, 0),
    "can": (29, 3, 1),
    "rds": (21, 5, 0),
}


def _heard(outcome: Outcome) -> bool:
    return outcome.heard


def _connect(family: str, kind: str, address: str) -> str:
    return f"""
import socket
try:
    with socket.socket(socket.{family}, socket.{kind}) as sock:
        sock.settimeout(0.5)
        sock.connect({address})
        sock.send(facts["token"].encode())
        won(sock.recv(9))
except OSError:
    pass
time.sleep(0.1)
"""


_REACHES_A_SERVER = any_of(said_so, _heard)

ATTACKS = (
    *(
        Attack(name, _connect(*how), bites=("plain",), won=_REACHES_A_SERVER)
        for name, how in {
            "TCP to the host": ("AF_INET", "SOCK_STREAM", '("127.0.0.1", facts["tcp"])'),
            "TCP to the host, IPv6": ("AF_INET6", "SOCK_STREAM", '("::1", facts["tcp6"])'),
            "UDP to the host": ("AF_INET", "SOCK_DGRAM", '("127.0.0.1", facts["udp"])'),
            "a named Unix socket": ("AF_UNIX", "SOCK_STREAM", 'facts["unix"]'),
            "an abstract Unix socket": ("AF_UNIX", "SOCK_STREAM", 'facts["abstract"]'),
        }.items()
    ),
    Attack(
        "datagrams without an answer",
        """
import socket
for name in ("datagram", "abstract_datagram"):
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(facts["token"].encode(), facts[name])
    except OSError:
        pass
try:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(facts["token"].encode(), ("127.0.0.1", facts["udp"]))
except OSError:
    pass
time.sleep(0.1)
""",
        bites=("plain",),
        won=_heard,
    ),
    Attack(
        "a way to other machines",
        """
import socket
for family, address in ((socket.AF_INET, "10.0.0.1"), (socket.AF_INET, "198.51.100.1"),
                        (socket.AF_INET, "169.254.169.254"), (socket.AF_INET6, "2001:db8::1")):
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            # Only asks for the route; nothing is sent.
            sock.connect((address, 9))
            won(f"{address} from {sock.getsockname()[0]}")
    except OSError:
        pass
try:
    names = [name for _, name in socket.if_nameindex() if name != "lo"]
except OSError:
    names = []
if names:
    won(names)
""",
        bites=("plain", "cold without network"),
    ),
    Attack(
        "sockets that /proc lists",
        """
import socket
try:
    lines = open("/proc/self/net/unix").read().splitlines()[1:]
except OSError:
    lines = []
for line in lines:
    path = line.split()[7:]
    if path and "planted" in path[0] or path and path[0].startswith(facts["task"]):
        won(path[0])
for place in ("/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket",
              "/run/systemd/private", "/run/containerd/containerd.sock"):
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(place)
            won(place)
    except OSError:
        pass
""",
        bites=("plain", "cold without network"),
    ),
    Attack(
        "hear what is sent to the host",
        """
import socket
for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
    try:
        with socket.socket(family) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, facts["tcp"]))
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            won("the host's own port is taken here")
""",
        bites=("plain", "cold without network"),
    ),
    Attack(
        "look up a name",
        """
import socket
try:
    if socket.gethostbyname(facts["host"]) and facts["host"] != "localhost":
        won(facts["host"])
except OSError:
    pass
for place in ("/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/hostname"):
    try:
        if open(place).read().strip():
            won(place)
    except OSError:
        pass
""",
        bites=("plain",),
    ),
    Attack(
        "other kinds of sockets",
        f"""
import socket
for name, (family, kind, protocol) in {_FAMILIES!r}.items():
    try:
        socket.socket(family, kind, protocol).close()
        won(name)
    except OSError as exc:
        # This kernel may not have it, whoever asks.
        if exc.errno in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT):
            print("LACKS:", name)
""",
        bites=("plain as root", "warm without filter"),
        each=tuple(_FAMILIES),
    ),
    Attack(
        "pass a descriptor to the host",
        """
import array, socket
try:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(facts["unix"])
        sock.sendmsg([facts["token"].encode()],
                     [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])
        won("sent")
except OSError:
    pass
""",
        bites=("plain",),
        won=_REACHES_A_SERVER,
    ),
)

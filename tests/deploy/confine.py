"""The unit's confinement without a service manager: its filter of system calls, and its users.

`python confine.py filter NAME,… -- COMMAND…` allows these system calls and answers others as the unit says; it becomes
the command. `python confine.py users UID GID GROUP -- COMMAND…` (root's) runs it as a user with a further group, in a
user namespace that knows root and this user alone.
"""

import ctypes
import errno
import os
import re
import struct
import sys
from pathlib import Path

_NUMBERS = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_NEW_USER = 0x10000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def numbers() -> dict[str, int]:
    """Return the system calls of this machine."""
    return {name: int(number) for name, number in re.findall(r"__NR_(\w+) (\d+)", _NUMBERS.read_text())}


def install(names: list[str]) -> None:
    """Let this process make these system calls alone."""
    known = numbers()
    program = [(_LOAD, 0, 0, 0)]
    for number in sorted({known[name] for name in names if name in known}):
        program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    program.append((_RETURN, 0, 0, _ERROR | errno.EPERM))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code)))
    if _LIBC.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or _LIBC.prctl(_SECCOMP, _FILTER, head, 0, 0):
        raise OSError(ctypes.get_errno(), "no filter of system calls can be set")


def be(uid: int, gid: int, group: int) -> None:
    """Become a user in a namespace, in the order in which systemd does it: groups first, then the namespace."""
    ready, go = os.pipe(), os.pipe()
    me = os.getpid()
    if os.fork() == 0:
        os.read(ready[0], 1)
        Path(f"/proc/{me}/uid_map").write_text(f"0 0 1\n{uid} {uid} 1\n")
        Path(f"/proc/{me}/gid_map").write_text(f"0 0 1\n{gid} {gid} 1\n")
        os.write(go[1], b"x")
        os._exit(0)
    os.setgroups([group])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if _LIBC.unshare(_NEW_USER):
        raise OSError(ctypes.get_errno(), "no user namespace")
    os.write(ready[1], b"x")
    os.read(go[0], 1)
    os.wait()


def main() -> None:
    """Run the command line."""
    at = sys.argv.index("--")
    kind, *words = sys.argv[1:at]
    if kind == "users":
        be(*map(int, words))
    else:
        install(words[0].split(","))
    os.execvp(sys.argv[at + 1], sys.argv[at + 1 :])


if __name__ == "__main__":
    main()

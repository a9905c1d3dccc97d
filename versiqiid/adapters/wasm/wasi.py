"""``wasi_snapshot_preview1`` with nothing behind it: no files, environment, arguments, clock, dice or network.

Compilers link it in whether or not a program uses it, so it is there; each function answers as a system would that has
nothing. Names, types and error numbers: the ``wasi_snapshot_preview1`` interface of the WebAssembly System Interface.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from versiqiid.adapters.wasm.abi import Signature
from versiqiid.adapters.wasm.host import BadPointer, Behaviour, Call, Import, View, random

if TYPE_CHECKING:
    from collections.abc import Mapping

MODULE = "wasi_snapshot_preview1"

_SUCCESS, _EBADF, _EFAULT, _EINVAL, _ENOSYS, _ESPIPE = 0, 8, 21, 28, 52, 70
_STDIN, _STDOUT, _STDERR = 0, 1, 2
_CHARACTER_DEVICE = 2
_UNSIGNED = 0xFFFF_FFFF
_IOVECS_MAX = 1024
"""As POSIX's IOV_MAX is on Linux: more in one call is EINVAL."""


def _nothing(_call: Call, view: View, count: int, size: int) -> int:
    view.write(count, b"\0\0\0\0")
    view.write(size, b"\0\0\0\0")
    return _SUCCESS


def _success(*_: object) -> int:
    return _SUCCESS


def _bad_descriptor(*_: object) -> int:
    return _EBADF


def _not_there(*_: object) -> int:
    return _ENOSYS


def _clock_resolution(_call: Call, view: View, _clock: int, result: int) -> int:
    view.write(result, struct.pack("<Q", 1))
    return _SUCCESS


def _clock_time(_call: Call, view: View, _clock: int, _precision: int, result: int) -> int:
    view.write(result, struct.pack("<Q", 0))
    return _SUCCESS


def _random_get(call: Call, view: View, pointer: int, length: int) -> int:
    count = length & _UNSIGNED
    view.check(pointer, length)
    if call.random_bytes + count > call.limits.random_bytes:
        call.stop(f"asked random_get for more than {call.limits.random_bytes:,} bytes, the limit")
        return _EINVAL
    view.write(pointer, random(call, count))
    return _SUCCESS


def _proc_exit(call: Call, _view: View, code: int) -> int:
    call.stop(f"left through proc_exit with code {code & _UNSIGNED} instead of giving a result")
    return _SUCCESS


def _standard(descriptor: int, answer: int) -> int:
    return answer if descriptor in {_STDIN, _STDOUT, _STDERR} else _EBADF


def _fd_close(_call: Call, _view: View, descriptor: int) -> int:
    return _standard(descriptor, _SUCCESS)


def _fd_seek(_call: Call, _view: View, descriptor: int, *_: int) -> int:
    return _standard(descriptor, _ESPIPE)


def _fd_fdstat_get(_call: Call, view: View, descriptor: int, result: int) -> int:
    if _standard(descriptor, _SUCCESS) == _EBADF:
        return _EBADF
    view.write(result, bytes([_CHARACTER_DEVICE]) + bytes(23))
    return _SUCCESS


def _fd_read(_call: Call, view: View, descriptor: int, _vectors: int, _count: int, result: int) -> int:
    if descriptor != _STDIN:
        return _EBADF
    view.write(result, b"\0\0\0\0")
    return _SUCCESS


def _fd_write(call: Call, view: View, descriptor: int, *arguments: int) -> int:
    vectors, count, result = arguments
    if descriptor not in {_STDOUT, _STDERR}:
        return _EBADF
    if count & _UNSIGNED > _IOVECS_MAX:
        return _EINVAL
    total = 0
    for pointer, length in struct.iter_unpack("<II", view.read(vectors, count * 8)):
        call.write_log(view.read(pointer, length, most=call.log_room()))
        total += length
    if total > _UNSIGNED:
        raise BadPointer
    view.write(result, struct.pack("<I", total))
    return _SUCCESS


_BEHAVIOURS: Mapping[str, Behaviour] = {
    "args_sizes_get": _nothing,
    "environ_sizes_get": _nothing,
    "args_get": _success,
    "environ_get": _success,
    "clock_res_get": _clock_resolution,
    "clock_time_get": _clock_time,
    "random_get": _random_get,
    "proc_exit": _proc_exit,
    "sched_yield": _success,
    "poll_oneoff": _not_there,
    "proc_raise": _not_there,
    "fd_close": _fd_close,
    "fd_seek": _fd_seek,
    "fd_fdstat_get": _fd_fdstat_get,
    "fd_read": _fd_read,
    "fd_write": _fd_write,
}
"""Everything else is about a file or socket, and there is none: EBADF."""

# Parameter types by letter, i = i32 and I = i64; all answer an i32 error number, proc_exit nothing.
_PARAMETERS = """
args_get ii, args_sizes_get ii, environ_get ii, environ_sizes_get ii, clock_res_get ii, clock_time_get iIi,
fd_advise iIIi, fd_allocate iII, fd_close i, fd_datasync i, fd_fdstat_get ii, fd_fdstat_set_flags ii,
fd_fdstat_set_rights iII, fd_filestat_get ii, fd_filestat_set_size iI, fd_filestat_set_times iIIi, fd_pread iiiIi,
fd_prestat_get ii, fd_prestat_dir_name iii, fd_pwrite iiiIi, fd_read iiii, fd_readdir iiiIi, fd_renumber ii,
fd_seek iIii, fd_sync i, fd_tell ii, fd_write iiii, path_create_directory iii, path_filestat_get iiiii,
path_filestat_set_times iiiiIIi, path_link iiiiiii, path_open iiiiiIIii, path_readlink iiiiii,
path_remove_directory iii, path_rename iiiiii, path_symlink iiiii, path_unlink_file iii, poll_oneoff iiii,
proc_exit i, proc_raise i, random_get ii, sched_yield -, sock_accept iii, sock_recv iiiiii, sock_send iiiii,
sock_shutdown ii
"""


def _imports() -> dict[str, Import]:
    offered = {}
    for line in _PARAMETERS.replace("\n", " ").split(","):
        name, letters = line.split()
        params = tuple("i64" if letter == "I" else "i32" for letter in letters if letter != "-")
        results = () if name == "proc_exit" else ("i32",)
        behaviour = _BEHAVIOURS.get(name, _bad_descriptor)
        offered[name] = Import(Signature(params, results), behaviour, bad_pointer=_EFAULT)
    return offered


WASI = _imports()

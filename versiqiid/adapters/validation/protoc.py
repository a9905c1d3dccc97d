"""The door to Google's Protobuf compiler (grpcio-tools): from source texts to a ``FileDescriptorSet``.

No file is written: the compiler reads and writes pipes, so that it works in a process that may write no file.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final, Self

from versiqiid.adapters.validation.everybodys import imported
from versiqiid.errors import TooLarge, UnusableSchema

_PIPE_BYTES: Final = 1 << 20  # what a pipe can be made to hold without privileges; sources are a third of it at most
_OUTPUT_BYTES_MAX: Final = 16 << 20
_PLACE: Final = re.compile(r"^(?P<file>[^:\n]*):(?P<line>\d+):(?P<column>\d+): ", re.MULTILINE)


def compile_source(name: str, source: str, imports: Mapping[str, str]) -> bytes:
    """A serialized ``FileDescriptorSet`` with everything that is imported; the source itself stands last.

    ``google/protobuf/*``, ``google/type/*`` and what is in ``everybodys.py`` may be imported without being given.

    :param imports: further sources by the names that they are imported by.
    :raises UnusableSchema: it does not compile; the compiler's first words say where.
    """
    from grpc_tools import _protoc_compiler  # type: ignore[import-untyped]  # noqa: PLC0415 -- only where it is needed

    with _Pipes() as pipes:
        texts = {**imports, name: source}
        sources = {each: pipes.holding(text.encode()) for each, text in (imported(texts) | texts).items()}
        output, told = pipes.empty(), pipes.empty()
        arguments = [
            "protoc",
            *(f"--proto_path={each}=/dev/fd/{pipe}" for each, pipe in sources.items()),
            *(f"--proto_path={path}" for path in _well_known()),
            "--include_imports",
            f"--descriptor_set_out=/dev/fd/{output[1]}",
            name,
        ]
        with _standard_error(told[1]):
            status = _protoc_compiler.run_main([argument.encode() for argument in arguments])
        if status != 0:
            words = pipes.drain(told).decode("utf-8", "replace")
            names = {f"/dev/fd/{pipe}": each for each, pipe in sources.items()}
            raise UnusableSchema(f"no Protobuf schema: {_told(words, names, name)}", hint="protobuf.dev says how")
        return pipes.drain(output)


@cache
def _well_known() -> tuple[str, ...]:
    """Where the sources are that everybody may import: ``google/protobuf`` and ``google/type``."""
    import google.type  # type: ignore[import-untyped]  # noqa: PLC0415 -- googleapis-common-protos
    import grpc_tools  # noqa: PLC0415

    return f"google/type={Path(google.type.__path__[0])}", str(Path(grpc_tools.__file__).parent / "_proto")


class _Pipes:
    """Pipes that are closed again, whatever happens."""

    def __init__(self) -> None:
        self._open: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._open:
            os.close(descriptor)

    def empty(self) -> tuple[int, int]:
        """To read from and to write to; as large as a pipe can be, and never blocking."""
        reads, writes = os.pipe()
        self._open += [reads, writes]
        fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        os.set_blocking(writes, False)
        return reads, writes

    def holding(self, content: bytes) -> int:
        """One to read this from.

        :raises TooLarge: more than a pipe holds.
        """
        reads, writes = self.empty()
        if os.write(writes, content) != len(content) if content else False:
            msg = f"a source of {len(content)} bytes is over the limit of {_PIPE_BYTES}"
            raise TooLarge(msg, size=len(content), limit=_PIPE_BYTES)
        self._close(writes)
        return reads

    def drain(self, pipe: tuple[int, int]) -> bytes:
        """All that was written to it."""
        reads, writes = pipe
        self._close(writes)
        whole = bytearray()
        while len(whole) < _OUTPUT_BYTES_MAX and (piece := os.read(reads, 1 << 16)):
            whole += piece
        return bytes(whole)

    def _close(self, descriptor: int) -> None:
        self._open.remove(descriptor)
        os.close(descriptor)


@contextmanager
def _standard_error(writes: int) -> Iterator[None]:
    """The compiler complains on standard error; this process's own is given back afterwards."""
    kept = os.dup(2)
    try:
        os.dup2(writes, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _told(words: str, names: Mapping[str, str], own: str) -> str:
    """The compiler's first complaint, with the names that people know and the place in the usual form."""
    for path, name in names.items():
        words = words.replace(path, name)
    line = next((line for line in words.splitlines() if line.strip() and "warning:" not in line), "it does not compile")
    found = _PLACE.match(line)
    if found is None:
        return line[:300]
    where = "" if found["file"] == own else f"{found['file']}: "
    return f"{where}{line[found.end() :][:300]} (line {found['line']}, column {found['column']})"

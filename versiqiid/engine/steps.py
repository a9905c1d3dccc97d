"""One migration step: what its key says, and how it is run. The result is judged by the caller."""

from __future__ import annotations

from dataclasses import dataclass

from versiqiid.core.canonical import Json, digest
from versiqiid.core.envelope import Answer, build, interpret
from versiqiid.core.lens import apply as apply_lens
from versiqiid.core.lens import parse_lens
from versiqiid.core.masking import masked
from versiqiid.core.migration import Manifest, direction, parse_manifest
from versiqiid.core.modules import MissingPart, assemble
from versiqiid.core.patch import apply_patch
from versiqiid.core.plan import Case, held, rejected
from versiqiid.core.status import StepTaken
from versiqiid.errors import InvalidInput, MigrationFailed
from versiqiid.ports import GuestCall, GuestResult, MigrationRuntime, Runtime


@dataclass(frozen=True, slots=True)
class Step:
    """A step ready to run.

    :ivar digest: of the module, or of the manifest where there is none.
    :ivar label: how every reason about this step begins.
    """

    family: str
    source: str
    destination: str
    key: str
    digest: str
    manifest_digest: str
    manifest: Manifest
    module: bytes = b""
    entry: str = ""

    @property
    def label(self) -> str:
        return _label(self.key, self.digest)

    def taken(self, fuel: int | None) -> StepTaken:
        runtime = self.manifest.runtime
        lossy = bool(self.manifest.lossy)
        return StepTaken(self.source, self.destination, runtime, self.digest, lossy, fuel, self.manifest_digest)


def prepare(case: Case, pair: tuple[str, str]) -> Step:
    """Read the step's key and module.

    :raises Stopped: Held when a module key is missing, Rejected when the manifest or the module cannot be used.
    """
    family = case.target.family if case.target else ""
    key = f"migrations/{family}/{pair[0]}/{pair[1]}"
    value = case.reads.get(key)
    if value is None:
        raise held(f"{key} is missing")
    manifest_digest = digest(value.raw)
    try:
        manifest = case.reads.snapshot.parsed(key, parse_manifest)
    except InvalidInput as error:
        raise rejected(f"{_label(key, manifest_digest)}unreadable: {error.message}") from error
    step = Step(family, *pair, key, manifest_digest, manifest_digest, manifest)
    return _with_module(case, step) if manifest.runtime == Runtime.WASM else step


def _with_module(case: Case, step: Step) -> Step:
    wanted = step.manifest.module or ""
    label = _label(step.key, wanted)
    try:
        module = assemble(case.reads, wanted.removeprefix("sha256:"))
    except MissingPart as missing:
        raise held(f"{label}module key {missing} is missing") from missing
    except InvalidInput as error:
        raise rejected(f"{label}{error.message}") from error
    scheme = case.family.versioning if case.family else None
    entry = step.manifest.entry or (direction(scheme, step.source, step.destination) if scheme else None)
    if entry is None:
        raise rejected(f"{label}field 'entry' is needed, because versions of this family have no order")
    return Step(
        step.family, step.source, step.destination, step.key, wanted, step.manifest_digest, step.manifest, module, entry
    )


def _label(key: str, step_digest: str) -> str:
    return f"{key} (sha256:{step_digest.removeprefix('sha256:')[:12]}): "


@dataclass(frozen=True, slots=True)
class Taken:
    """What one run of a step gave.

    :ivar output: the guest's own bytes, for comparing two runs; empty where there is no guest.
    :ivar fuel: what a guest used; None where there is none.
    """

    answer: Answer
    output: bytes = b""
    fuel: int | None = None


def apply_data(manifest: Manifest, document: Json) -> Json:
    """What a migration that is data makes of the document: a patch or a lens. Plain work, for seconds at worst.

    :raises MigrationFailed: it does not apply; the document is unchanged.
    """
    if manifest.runtime == Runtime.LENS:
        return apply_lens(parse_lens(manifest.lens), document)
    return apply_patch(document, manifest.patch)


class StepRunner:
    """Runs steps of every runtime this build knows."""

    def __init__(self, runtime: MigrationRuntime) -> None:
        self._runtime = runtime

    async def run(self, step: Step, document: Json) -> tuple[Json, int | None]:
        """The migrated document and, for guests, the fuel it took. Stashes stay out of a path.

        :raises MigrationFailed: the step refused, failed or gave rubbish; the document is unchanged.
        """
        taken = await self.take(step, document)
        return taken.answer.config, taken.fuel

    async def take(self, step: Step, document: Json, stash: Json = None) -> Taken:
        """The whole answer to a document and, for guests, to what an earlier step in the other direction kept aside.

        :raises MigrationFailed: as ``run``.
        """
        match step.manifest.runtime:
            case Runtime.WASM | Runtime.LUA:
                return await self._guest(step, document, stash)
            case Runtime.JSON_PATCH | Runtime.LENS:
                return Taken(Answer(apply_data(step.manifest, document)))
            case other:
                raise MigrationFailed(f"runtime {other!r} is not supported by this build")

    async def _guest(self, step: Step, document: Json, stash: Json) -> Taken:
        try:
            return taken_from(await self._runtime.run(guest_call(step, document, stash)))
        except MigrationFailed as failure:
            raise type(failure)(
                masked(failure.message, document), pointer=failure.pointer, hint=failure.hint
            ) from failure


def guest_call(step: Step, document: Json, stash: Json = None) -> GuestCall:
    """The call of a step that is a guest: its module or script, and the envelope."""
    envelope = build(document, family=step.family, frm=step.source, to=step.destination, stash=stash)
    return GuestCall(step.module, step.digest, step.entry, envelope, step.manifest.source)


def taken_from(result: GuestResult) -> Taken:
    """What a guest's bytes say.

    :raises MigrationFailed: it refused, or gave rubbish.
    """
    return Taken(interpret(result.output), result.output, result.fuel)

# ruff: noqa: INP001 - a guest's source, no package
# What this migration changes, in one line.
from versiqii import Config, answer


def up(config: Config) -> None:
    config.move("/old_name", "/group/new_name")
    config.restore("/added", "usual")


def down(config: Config) -> None:
    config.move("/group/new_name", "/old_name")
    config.take("/group")
    config.keep("/added", "usual")


class WitWorld:
    def up_envelope(self, envelope: str) -> str:
        return answer(envelope, up)

    def down_envelope(self, envelope: str) -> str:
        return answer(envelope, down)

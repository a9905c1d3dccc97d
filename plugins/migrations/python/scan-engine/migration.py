# ruff: noqa: INP001 - a guest's source, no package
# scan-engine 1.0.0 <-> 2.0.0: limits move together, YARA is switched by a word, reports get a detail.
from versiqii import Config, answer


def up(config: Config) -> None:
    config.move("/scan_depth", "/limits/depth")
    config.move("/timeout_ms", "/limits/timeout_ms")
    config.move("/heuristics/max_rules", "/heuristics/rules_max")
    used = config.take("/heuristics/use_yara")
    config.set("/heuristics/yara", "on" if used is True else "off")
    config.restore("/report", "summary")


def down(config: Config) -> None:
    config.move("/limits/depth", "/scan_depth")
    config.move("/limits/timeout_ms", "/timeout_ms")
    config.take("/limits")
    config.move("/heuristics/rules_max", "/heuristics/max_rules")
    config.set("/heuristics/use_yara", config.take("/heuristics/yara") == "on")
    config.keep("/report", "summary")


class WitWorld:
    def up_envelope(self, envelope: str) -> str:
        return answer(envelope, up)

    def down_envelope(self, envelope: str) -> str:
        return answer(envelope, down)

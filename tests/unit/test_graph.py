"""The version graph: what is broken in a state, what an upgrade would break, and the order of moves."""

from __future__ import annotations

from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from versiqiid.core.graph import Cause, Move, VersionGraph, plan_upgrade
from versiqiid.core.objects import Constraint, Override, Target
from versiqiid.core.versions import Scheme
from versiqiid.errors import InvalidVersion

State = dict[str, str]


def constraints(text: str) -> tuple[Constraint, ...]:
    """``api >=2; db *`` as constraints."""
    return tuple(Constraint(*part.strip().split(" ", 1)) for part in text.split(";") if part.strip())


def target(requires: str = "", accepts: str = "", versioning: Scheme = Scheme.SEQUENCE) -> Target:
    return Target("family", versioning, requires=constraints(requires), accepts=constraints(accepts))


def override(requires: str | None = None, accepts: str | None = None) -> Override:
    made = (None if text is None else constraints(text) for text in (requires, accepts))
    return Override(None, *made)


def state(text: str) -> State:
    return dict(part.split("=") for part in text.split())


def told(graph: VersionGraph, running: str) -> list[str]:
    return [str(breach) for breach in graph.check(state(running))]


def test_a_required_target_must_run_in_a_version_of_the_range() -> None:
    graph = VersionGraph({"web": target("api >=2 <4"), "api": target()})
    assert told(graph, "web=1 api=3") == []
    assert told(graph, "web=1 api=4") == ["web 1 requires api '>=2 <4', but api 4 runs"]
    assert told(graph, "web=1") == ["web 1 requires api '>=2 <4', but no version of it is set"]
    assert told(graph, "api=4") == []


def test_a_caller_must_be_accepted_when_it_runs() -> None:
    graph = VersionGraph({"api": target(accepts="web >=2"), "web": target()})
    assert told(graph, "api=1 web=1") == ["api 1 accepts web '>=2', but web 1 runs"]
    assert told(graph, "api=1 web=2") == []
    assert told(graph, "api=1") == []


def test_what_one_version_says_replaces_what_the_target_says_field_by_field() -> None:
    graph = VersionGraph(
        {"web": target("api 1", "cli 1"), "api": target(), "cli": target()},
        {("web", "2"): override(requires="api 2"), ("web", "3"): override(requires="", accepts="")},
    )
    assert told(graph, "web=1 api=1 cli=2") == ["web 1 accepts cli '1', but cli 2 runs"]
    assert told(graph, "web=2 api=1 cli=2") == [
        "web 2 accepts cli '1', but cli 2 runs",
        "web 2 requires api '2', but api 1 runs",
    ]
    assert told(graph, "web=3 api=9 cli=9") == []


def test_each_range_is_read_in_the_scheme_of_the_target_it_is_about() -> None:
    graph = VersionGraph(
        {
            "web": target("api >=1.5,<2; py >=1.0,<2; day >=2025.07 <2026.01; sha abcdef1 || abcdef2; new ^1"),
            "api": target(versioning=Scheme.SEMVER),
            "py": target(versioning=Scheme.PEP440),
            "day": target(versioning=Scheme.DATE),
            "sha": target(versioning=Scheme.GIT_SHA),
        }
    )
    assert told(graph, "web=1 api=v1.9.0 py=1.9.post1 day=2025-12-31 sha=ABCDEF2 new=1.2.3") == []
    broken = graph.check(state("web=1 api=2.0.0 py=2.0 day=2026-01-01 sha=abcdef3 new=2.0.0"))
    assert [breach.link.other for breach in broken] == ["api", "day", "new", "py", "sha"]


def test_what_cannot_be_judged_is_a_breach_that_says_why() -> None:
    graph = VersionGraph({"web": target("api latest; db 1"), "api": target(), "db": target()})
    bad_range, bad_version = graph.check(state("web=1 api=1 db=main"))
    assert "'latest' is no sequence range" in bad_range.problem
    assert "'main' is no sequence version" in bad_version.problem
    assert str(bad_version).startswith("web 1 requires db '1': ")


def test_a_circle_of_requirements_is_named_in_the_order_of_need() -> None:
    graph = VersionGraph({"a": target("b *"), "b": target("c *"), "c": target("a *"), "d": target("a *; gone *")})
    assert told(graph, "a=1 b=1 c=1") == []
    circle = graph.cycle(state("a=1 b=1 c=1 d=1"))
    assert circle in {("a", "b", "c", "a"), ("b", "c", "a", "b"), ("c", "a", "b", "c")}
    assert graph.cycle(state("a=1 b=1 d=1")) == ()


# ------------------------------------------------------------------------------------------------------ plans


def moves(*texts: str) -> tuple[tuple[Move, ...], ...]:
    """``a 1>2 + b 1>2`` is one step of two moves."""
    steps = []
    for text in texts:
        parts = [part.split() for part in text.split(" + ")]
        steps.append(tuple(Move(name, frm or None, to) for name, (frm, to) in ((n, v.split(">")) for n, v in parts)))
    return tuple(steps)


def test_what_breaks_nothing_goes_by_name() -> None:
    graph = VersionGraph({"a": target(), "b": target()})
    plan = plan_upgrade(graph, state("b=1 a=1 c=7"), state("b=2 a=2 new=1.0.0 c=7") | {"c": "7.0.0"})
    assert plan.steps == moves("a 1>2", "b 1>2", "c 7>7.0.0", "new >1.0.0")
    assert plan.possible
    assert (plan.would_break, plan.added, plan.circles, plan.conflict) == ((), (), (), ())
    assert plan_upgrade(graph, state("a=1"), state("a=1")).steps == ()


def test_the_required_one_goes_first_on_the_way_up_and_last_on_the_way_down() -> None:
    graph = VersionGraph(
        {"web": target(), "api": target()},
        {("web", "1"): override(requires="api >=1"), ("web", "2"): override(requires="api >=2")},
    )
    up = plan_upgrade(graph, state("web=1 api=1"), state("web=2 api=2"))
    assert up.steps == moves("api 1>2", "web 1>2")
    down = plan_upgrade(graph, state("web=2 api=2"), state("web=1 api=1"))
    assert down.steps == moves("web 2>1", "api 2>1")


def test_an_acceptor_goes_when_its_callers_are_ready() -> None:
    graph = VersionGraph(
        {"api": target(), "web": target()}, {("api", "1"): override(), ("api", "2"): override(accepts="web >=2")}
    )
    assert plan_upgrade(graph, state("api=1 web=1"), state("api=2 web=2")).steps == moves("web 1>2", "api 1>2")


def test_what_else_must_move_is_found_moved_in_order_and_told() -> None:
    graph = VersionGraph(
        {"web": target(), "api": target(), "db": target(), "far": target("gone 1")},
        {
            ("web", "2"): override(requires="api >=2"),
            ("api", "2"): override(requires="db >=5"),
            ("api", "3"): override(),
        },
        known={"db": ("4", "5", "6")},
    )
    plan = plan_upgrade(graph, state("web=1 api=1 db=4 far=1"), state("web=2"))
    assert plan.steps == moves("db 4>5", "api 1>2", "web 1>2")
    assert plan.added == ("api", "db")
    assert [str(breach) for breach in plan.would_break] == ["web 2 requires api '>=2', but api 1 runs"]


def test_those_that_wait_for_each_other_move_at_once_and_the_circle_is_named() -> None:
    graph = VersionGraph(
        {name: target() for name in "abcd"},
        {
            ("a", "1"): override("b 1"),
            ("a", "2"): override("b 2"),
            ("b", "1"): override("a 1"),
            ("b", "2"): override("a 2"),
            ("c", "2"): override("a 2"),
            ("b", "3"): override("d 1"),
        },
    )
    plan = plan_upgrade(graph, state("a=1 b=1 c=1 d=1"), state("a=2 b=2 c=2 d=2"))
    assert plan.steps == moves("a 1>2 + b 1>2", "c 1>2", "d 1>2")
    assert [set(circle) for circle in plan.circles] == [{"a", "b"}]
    assert plan.circles[0][0] == plan.circles[0][-1]


def test_a_conflict_is_explained_by_the_demands_that_cannot_be_met_together() -> None:
    graph = VersionGraph(
        {"web": target(), "cli": target("api <2"), "api": target()},
        {("web", "2"): override(requires="api >=2"), ("api", "2"): override()},
    )
    plan = plan_upgrade(graph, state("web=1 cli=1 api=1"), state("web=2"))
    assert not plan.possible
    assert plan.steps == ()
    assert {str(cause) for cause in plan.conflict} == {"cli 1 needs api '<2'", "web 2 needs api '>=2'"}


def test_two_goals_may_conflict_and_nobody_is_brought_in_unasked() -> None:
    graph = VersionGraph({"web": target(), "api": target()}, {("web", "2"): override("api >=2")})
    plan = plan_upgrade(graph, state("web=1 api=1"), state("web=2 api=1"))
    assert Cause("api", "1") in plan.conflict
    assert Cause("api", ">=2", "web 2") in plan.conflict
    absent = plan_upgrade(graph, state("web=1"), state("web=2"))
    assert absent.conflict == (Cause("api", ">=2", "web 2"),)
    assert plan_upgrade(graph, state("web=1"), state("web=2 api=2")).steps == moves("api >2", "web 1>2")


def test_what_was_broken_before_does_not_stand_in_the_way() -> None:
    graph = VersionGraph(
        {"old": target("api 9; web *"), "web": target(), "api": target()},
        {("web", "2"): override("api >=2"), ("api", "2"): override()},
    )
    plan = plan_upgrade(graph, state("old=1 web=1 api=1"), state("web=2"))
    assert plan.steps == moves("api 1>2", "web 1>2")


def test_a_goal_that_is_no_version_is_refused() -> None:
    with pytest.raises(InvalidVersion, match="'two' is no sequence version"):
        plan_upgrade(VersionGraph({"web": target()}), {}, {"web": "two"})


# ---------------------------------------------------------------------------- against every choice and every order

TARGETS = ("a", "b", "c", "d")
VERSIONS = ("1", "2", "3")
RANGES = st.sampled_from(["*", "1", "2", ">=2", "<2", "<=2", "1 || 3", "3"])


@st.composite
def graphs(draw: st.DrawFn) -> VersionGraph:
    def links(name: str) -> tuple[Constraint, ...]:
        others = st.sampled_from([other for other in (*TARGETS, "absent") if other != name])
        return tuple(
            Constraint(other, text) for other, text in draw(st.dictionaries(others, RANGES, max_size=2)).items()
        )

    overrides = {
        (name, version): Override(None, links(name), links(name))
        for name in TARGETS
        for version in VERSIONS
        if draw(st.booleans())
    }
    described = {name: Target("f", Scheme.SEQUENCE, requires=links(name)) for name in TARGETS}
    return VersionGraph(described, overrides, dict.fromkeys(TARGETS, VERSIONS))


STATES = st.dictionaries(st.sampled_from(TARGETS), st.sampled_from(VERSIONS), min_size=1)


def inside(text: str, version: str) -> bool:
    """The few ranges used here, read by hand."""
    number = int(version)
    plain = {"*": True, ">=2": number >= 2, "<2": number < 2, "<=2": number <= 2, "1 || 3": number in (1, 3)}
    return plain.get(text, version == text)


def broken(graph: VersionGraph, running: State) -> set[tuple[str, str, str]]:
    """Which relations are broken, straight from the documents."""
    found = set()
    for name, version in running.items():
        own = graph.overrides.get((name, version)) or Override()
        says = {
            "requires": graph.targets[name].requires if own.requires is None else own.requires,
            "accepts": graph.targets[name].accepts if own.accepts is None else own.accepts,
        }
        for kind, items in says.items():
            for item in items:
                there = running.get(item.target)
                if kind == "requires" if there is None else not inside(item.range_text, there):
                    found.add((name, kind, item.target))
    return found


@given(graphs(), STATES)
def test_a_check_finds_what_the_documents_say(graph: VersionGraph, running: State) -> None:
    assert {breach.link.relation for breach in graph.check(running)} == broken(graph, running)


@given(graphs(), STATES, STATES)
@settings(max_examples=200, deadline=None)
def test_a_plan_exists_when_any_choice_does_breaks_nothing_and_splits_every_step_it_can(
    graph: VersionGraph, running: State, goals: State
) -> None:
    plan = plan_upgrade(graph, running, goals)
    standing = broken(graph, running)
    names = sorted({*running, *goals})
    choices = [
        dict(zip(names, versions, strict=True))
        for versions in product(*((goals[name],) if name in goals else VERSIONS for name in names))
    ]
    assert plan.possible == any(broken(graph, choice) <= standing for choice in choices)
    if not plan.possible:
        return
    now = dict(running)
    for step in plan.steps:
        for move in step:
            assert now.get(move.target) == move.frm
            now[move.target] = move.to
        assert broken(graph, now) <= standing
    assert goals.items() <= now.items()
    every_move = [move for step in plan.steps for move in step]
    splittable = any(one_by_one(graph, running, order, standing) for order in permutations(every_move))
    assert splittable == all(len(step) == 1 for step in plan.steps)


def one_by_one(
    graph: VersionGraph, running: State, order: tuple[Move, ...], standing: set[tuple[str, str, str]]
) -> bool:
    now = dict(running)
    for move in order:
        now[move.target] = move.to
        if not broken(graph, now) <= standing:
            return False
    return True

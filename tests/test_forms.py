from typing import Any, Literal, NotRequired, TypedDict

import pytest

import chainrule as cr
from chainrule.forms import misfit, read


class Split(TypedDict):
    seed: int
    test: float
    draws: NotRequired[int]


class Description(TypedDict):
    split: Split | None
    metrics: list[str]
    parameters: dict[str, tuple[str, str]]
    kind: Literal["table", "text"]
    note: Any


GOOD = {
    "split": {"seed": 1, "test": 1},
    "metrics": ["r2"],
    "parameters": {"W1": ["0", "W"]},
    "kind": "table",
    "note": object(),
}


@pytest.mark.parametrize(
    "change", [{}, {"split": None}, {"split": {"seed": 0, "test": 0.5, "draws": 2}}, {"more": 1}, {"metrics": ()}]
)
def test_what_fits_comes_back_as_it_is(change):
    value = GOOD | change
    assert read(Description, value, "the file") is value


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"split": {"seed": "x", "test": 1}}, "`split.seed` is 'x', but must be a whole number"),
        ({"split": {"seed": True, "test": 1}}, "`split.seed` is True, but must be a whole number"),
        ({"split": {"seed": 1, "test": float("inf")}}, "`split.test` is inf, but must be a finite number"),
        ({"split": {"seed": 1, "test": 10**400}}, "but must be a finite number"),
        ({"split": {"seed": 1}}, "`split.test` is missing"),
        ({"split": {"seed": 1, "test": 1, "draws": None}}, "`split.draws` is None, but must be a whole number"),
        ({"split": 3}, "`split` is 3, but must be an object or nothing"),
        ({"metrics": "r2"}, "`metrics` is 'r2', but must be a list"),
        ({"metrics": ["r2", 1]}, "`metrics[1]` is 1, but must be text"),
        ({"parameters": {"W1": ["0"]}}, "`parameters.W1` is ['0'], but must be a list of 2"),
        ({"parameters": {"W1": ["0", 5]}}, "`parameters.W1[1]` is 5, but must be text"),
        ({"kind": []}, "`kind` is [], but must be 'table' or 'text'"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(change, reason):
    assert reason in (misfit(GOOD | change, Description) or "")


@pytest.mark.parametrize("value", [None, 3, "text", [GOOD]])
def test_what_is_no_object(value):
    with pytest.raises(cr.ModelFileError, match=r"the file is damaged: its `content` is .* must be an object"):
        read(Description, value, "the file")


def test_the_error_may_be_another():
    with pytest.raises(cr.CheckpointError, match=r"the journal is damaged: its `split` is missing\."):
        read(Description, {}, "the journal", cr.CheckpointError)


def test_a_large_value_is_shown_by_its_beginning():
    assert len(misfit(GOOD | {"kind": {str(i): "x" * 1000 for i in range(1000)}}, Description) or "") < 200

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.schedules import Constant, Cosine, Exponential, FlatCosine, InverseTime, OneCycle, Schedule, Step, WarmUp


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (Constant(0.3), {0: 0.3, 7.5: 0.3, 1000: 0.3}),
        (Step(0.8), {0: 0.8, 9.99: 0.8, 10: 0.4, 19.5: 0.4, 20: 0.2, 30: 0.1}),
        (Step(1.0, every=3, factor=0.1), {0: 1, 2.9: 1, 3: 0.1, 6: 0.01}),
        (Step(1.0, every=0.5), {0: 1, 0.4: 1, 0.5: 0.5, 1.0: 0.25}),
        (Exponential(0.2), {0: 0.2, 0.9: 0.2, 1: 0.19, 2: 0.1805, 2.5: 0.1805}),
        (Exponential(1.0, rate=0.5), {3: 0.125, 10: 2**-10}),
        (InverseTime(0.2), {0: 0.2, 0.5: 0.2, 1: 0.1, 2: 0.2 / 3, 3: 0.05}),
        (InverseTime(1.0, decay=0.5), {1: 2 / 3, 2: 0.5}),
        (
            Cosine(0.4, 8),
            {0: 0.4, 4: 0.2, 8: 0.0, 100: 0.0, 2: 0.2 * (1 + math.sqrt(0.5)), 6: 0.2 - 0.2 / math.sqrt(2)},
        ),
        (Cosine(1.0, 10, final=0.2), {0: 1.0, 5: 0.6, 10: 0.2, 11: 0.2}),
        (FlatCosine(0.4, 8), {0: 0.4, 4: 0.4, 6: 0.2, 8: 0.0, 100: 0.0}),
        (FlatCosine(1.0, 10, flat=0.2, final=0.1), {0: 1.0, 2: 1.0, 6: 0.55, 10: 0.1}),
        (WarmUp(1.0), {0: 0.1, 2.5: 0.55, 4: 0.82, 5: 1.0, 50: 1.0}),
        (WarmUp(2.0, epochs=4, start=0.0), {0: 0.0, 1: 0.5, 2: 1.0, 4: 2.0}),
        (WarmUp(Exponential(1.0, rate=0.5), epochs=2, start=0.5), {0: 0.5, 1: 0.75, 2: 1.0, 3: 0.5, 4.5: 0.25}),
        (WarmUp(Cosine(1.0, 10), epochs=5), {0: 0.1, 5: 1.0, 10: 0.5, 15: 0.0}),
        (
            OneCycle(1.0, 10),
            {0: 0.04, 1.5: 0.52, 3: 1.0, 6.5: (1 + 1e-4) / 2, 10: 1e-4, 12: 1e-4},
        ),
        (OneCycle(0.5, 4, warm_up=0.5), {0: 0.02, 1: 0.26, 2: 0.5, 4: 0.5e-4}),
    ],
    ids=lambda value: repr(value) if isinstance(value, Schedule) else "",
)
def test_the_values_are_those_worked_out_by_hand(schedule, values):
    for epoch, alpha in values.items():
        assert schedule(epoch) == pytest.approx(alpha, rel=1e-12, abs=1e-15), epoch


@pytest.mark.parametrize("schedule", [Cosine(1.0, 7), WarmUp(1.0), OneCycle(1.0, 7)], ids=repr)
def test_smooth_schedules_have_no_jumps(schedule):
    alphas = np.array([schedule(epoch) for epoch in np.linspace(0, 10, 2001)])
    assert np.abs(np.diff(alphas)).max() < 0.005


def test_an_optimizer_takes_a_number_or_a_schedule():
    assert cr.Adam(0.3).alpha(7) == 0.3
    assert cr.Adam(Exponential(1.0, rate=0.5)).alpha(3) == 0.125


def test_training_asks_for_the_part_of_the_epoch_that_is_over():
    asked = []

    class OwnDiary(Schedule):
        def __call__(self, epoch):
            asked.append(epoch)
            return 0.1

    X = np.ones((10, 2))
    net = cr.Network([cr.Dense(1)], seed=0)
    optimizer = cr.GradientDescent(OwnDiary())
    cr.train(net, X, X[:, 0], loss="squared_error", optimizer=optimizer, epochs=2, batch_size=3, progress=False)
    np.testing.assert_allclose(asked, [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75], rtol=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Step(0.1, every=0),
        lambda: Step(0.1, every="ten"),
        lambda: InverseTime(0.1, decay=-1),
        lambda: Cosine(0.1, 0),
        lambda: Cosine(0.1, math.inf),
        lambda: WarmUp(0.1, epochs=-1),
        lambda: OneCycle(0.1, 0),
        lambda: OneCycle(0.1, 10, warm_up=0),
        lambda: OneCycle(0.1, 10, warm_up=1),
    ],
)
def test_a_length_or_decay_that_cannot_be_is_refused(make):
    with pytest.raises(cr.OptionError, match="but must be a number"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Constant("fast"),
        lambda: Constant(-0.1),
        lambda: Constant(math.nan),
        lambda: Step(None),
        lambda: Step(0.1, factor=math.nan),
        lambda: Exponential(0.1, rate="slow"),
        lambda: InverseTime("fast"),
        lambda: Cosine("fast", 10),
        lambda: Cosine(0.1, 10, final="low"),
        lambda: WarmUp("fast"),
        lambda: WarmUp(0.1, start=None),
        lambda: OneCycle(-1.0, 10),
    ],
)
def test_a_learning_rate_or_factor_that_cannot_be_is_refused_before_training(make):
    with pytest.raises(cr.OptionError):
        make()


def test_a_schedule_without_call_says_so():
    class OwnSilence(Schedule):
        pass

    with pytest.raises(NotImplementedError, match="OwnSilence must define __call__"):
        OwnSilence()(0)


def test_equal_schedules_are_equal_and_cannot_be_changed():
    assert Step(0.1) == Step(0.1, every=10)
    with pytest.raises(AttributeError):
        Step(0.1).every = 5

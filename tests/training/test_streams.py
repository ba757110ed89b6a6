"""Streams that never end, streams to validate with, and what is said of those that do not work."""

import itertools

import numpy as np
import pytest

import chainrule as cr
from chainrule.training import run as running

RANDOM = np.random.default_rng(0)
BATCHES = [(RANDOM.normal(size=(m, 3)), RANDOM.normal(size=(m, 1))) for m in (4, 7, 5, 6, 4)]
VAL = [(RANDOM.normal(size=(m, 3)), RANDOM.normal(size=(m, 1))) for m in (9, 5)]


def network(*first):
    return cr.Network([*first, cr.Dense(4, "tanh"), cr.Dropout(0.2), cr.Dense(1)], seed=0)


def fit(X, *, net=None, **options):
    net = network() if net is None else net
    history = cr.train(net, X, **{"loss": "squared_error", "seed": 0, "progress": False, "epochs": 3} | options)
    return net, history


def endless():
    """A generator that never ends: batch 0, 1, 2, …, a new one each."""
    for k in itertools.count():
        rng = np.random.default_rng(k)
        yield rng.normal(size=(4, 3)), rng.normal(size=(4, 1))


def first(n):
    return list(itertools.islice(endless(), n))


@pytest.mark.parametrize("engine", ["numpy", "auto"])
@pytest.mark.parametrize("source", [endless, endless()], ids=["a function", "a generator"])
def test_a_stream_that_never_ends_has_epochs_of_so_many_steps(source, engine):
    source = source if callable(source) else endless()
    net, history = fit(source, steps_per_epoch=4, engine=engine)
    assert len(history.epochs) == 3
    expected, _ = fit(first(12), epochs=1, engine=engine)
    np.testing.assert_array_equal(net.flat, expected.flat)


def test_a_stream_that_ends_within_an_epoch_begins_again():
    net, _ = fit(BATCHES, steps_per_epoch=4, epochs=2)
    expected, _ = fit([*BATCHES, *BATCHES[:3]], epochs=1)
    np.testing.assert_array_equal(net.flat, expected.flat)


def test_a_generator_that_ends_too_early_is_told_with_the_way_out():
    with pytest.raises(cr.DataError, match=r"the stream ended after 5 batches and cannot be begun again: give fewer"):
        fit(iter(BATCHES), steps_per_epoch=2)
    fit(iter(BATCHES), steps_per_epoch=2, epochs=2)
    fit(lambda: iter(BATCHES), steps_per_epoch=2)


def test_a_schedule_moves_within_an_epoch_whose_length_is_known():
    seen = []
    schedule = cr.schedules.Cosine(0.1, epochs=2)
    known = fit(BATCHES, epochs=2, steps_per_epoch=5, optimizer=cr.GradientDescent(schedule))[0]
    unknown = fit(BATCHES, epochs=2, optimizer=cr.GradientDescent(schedule), callbacks=lambda run: seen.append(run))[0]
    assert len(seen) == 2
    assert not np.array_equal(known.flat, unknown.flat)


@pytest.mark.parametrize("source", [endless, endless()], ids=["a function", "a generator"])
def test_what_standardizes_learns_from_the_first_epoch_and_trains_on_it_all_the_same(source):
    source = source if callable(source) else endless()
    net, _ = fit(source, net=network(cr.Standardize()), steps_per_epoch=4, epochs=2)
    expected = network(cr.Standardize())
    expected.build(3)
    expected.layers[0].learn([np.concatenate([X for X, _ in first(4)]).astype(np.float32)])
    fit(first(8), net=expected, epochs=1)
    np.testing.assert_allclose(net.flat, expected.flat, rtol=1e-6)


def test_a_run_that_is_cut_and_goes_on_has_the_same_bits(tmp_path):
    whole, _ = fit(endless, steps_per_epoch=4)
    path = tmp_path / "run.safetensors"
    fit(endless, steps_per_epoch=4, epochs=1, checkpoint=path)
    resumed, history = fit(endless, steps_per_epoch=4, checkpoint=path, resume=True)
    assert len(history.epochs) == 3
    np.testing.assert_array_equal(resumed.flat, whole.flat)
    with pytest.raises(cr.OptionError, match="steps_per_epoch 4, this one has 3"):
        fit(endless, steps_per_epoch=3, checkpoint=path, resume=True)


def test_another_engine_that_takes_over_meets_the_same_batches():
    def depends(A):
        return A * 2 if len(A) > 6 else A

    def layers():
        return cr.Network([cr.Dense(4), cr.Activation(depends), cr.Dense(1)], seed=0)

    for source in (BATCHES, iter(BATCHES)):
        net, history = fit(source, net=layers(), steps_per_epoch=5, epochs=1)
        assert history.engine == "numpy"
        expected, _ = fit(BATCHES, net=layers(), epochs=1, engine="numpy")
        np.testing.assert_allclose(net.flat, expected.flat, rtol=1e-6)


def test_an_iterator_alone_is_refused_with_ways_that_work():
    with pytest.raises(cr.DataError, match=r"walked only once: give a list .* of one that never ends, steps_per_epoch"):
        fit(endless())
    fit(endless(), steps_per_epoch=100, epochs=1)
    fit(first(3), epochs=1)
    fit(lambda: iter(first(3)), epochs=1)


def test_an_iterator_that_was_walked_already_is_told():
    walked = iter(first(3))
    assert len([*walked]) == 3
    with pytest.raises(cr.DataError, match="the stream is an iterator that has no batches any more: make it anew"):
        fit(walked, net=cr.Network([cr.BatchNorm(), cr.Dense(1)], seed=0), steps_per_epoch=3, epochs=1)


@pytest.mark.parametrize("steps", [0, -1, 2.5, "all"])
def test_the_steps_are_a_whole_number(steps):
    with pytest.raises(cr.OptionError, match=r"steps_per_epoch is .* whole number, 1 or more"):
        fit(BATCHES, steps_per_epoch=steps)


def test_arrays_have_epochs_of_their_own():
    with pytest.raises(cr.OptionError, match=r"steps_per_epoch is for streams; .*leave it out"):
        cr.train(network(), *BATCHES[0], loss="squared_error", steps_per_epoch=2, progress=False)


def test_who_waits_for_the_end_of_an_endless_epoch_is_told_how_to_end_it(monkeypatch, capsys):
    monkeypatch.setattr(running, "MANY", 3)
    fit(BATCHES, epochs=2, progress=True)
    said = capsys.readouterr().err
    assert said.count("3 batches, and the stream's first epoch goes on: if it never ends, give steps_per_epoch=") == 1
    fit(BATCHES, epochs=1, progress=True, steps_per_epoch=4)
    assert "steps_per_epoch" not in capsys.readouterr().err


STREAMS = {
    "a list": VAL,
    "a tuple": tuple(VAL),
    "a function": lambda: iter(VAL),
    "an object": dict(enumerate(VAL)).values(),
}


@pytest.mark.parametrize("called", STREAMS)
@pytest.mark.parametrize("engine", ["numpy", "auto"])
def test_validation_takes_streams(called, engine):
    def measured(validation):
        _, history = fit(BATCHES, validation=validation, metrics=["mae"], engine=engine)
        return [[record[name] for name in ("val_loss", "val_mae")] for record in history.epochs]

    whole = tuple(np.concatenate(part) for part in zip(*VAL, strict=True))
    np.testing.assert_allclose(measured(STREAMS[called]), measured(whole), rtol=1e-5)


def test_a_stream_to_validate_with_may_have_weights():
    weighted = [(X, y, np.linspace(0.5, 1.5, len(y))) for X, y in VAL]
    _, history = fit(BATCHES, validation=weighted)
    _, plain = fit(BATCHES, validation=VAL)
    assert history.epochs[0]["val_loss"] != plain.epochs[0]["val_loss"]


def test_two_arrays_in_a_list_are_no_stream():
    _, history = fit(BATCHES, validation=list(VAL[0]))
    _, expected = fit(BATCHES, validation=VAL[0])
    assert history.epochs[-1]["val_loss"] == expected.epochs[-1]["val_loss"]
    fit(BATCHES, validation=(VAL[0][0].tolist(), VAL[0][1].tolist()))


@pytest.mark.parametrize(
    ("validation", "said"),
    [
        (iter(VAL), "validation is an iterator, which can be walked only once"),
        ([], "or a list or function of such batches"),
        (5, "or a list or function of such batches"),
        (lambda: iter([]), "the validation data: the stream of validation is empty"),
        ([(np.zeros((3, 2)), np.zeros((3, 1)))], "the validation data"),
        (lambda: [VAL[0], None], "batch 1 of the stream of validation is NoneType"),
    ],
    ids=["an iterator", "nothing", "a number", "empty", "another shape", "no batch"],
)
def test_what_nothing_can_be_validated_with_is_refused(validation, said):
    with pytest.raises(cr.ChainruleError, match=said):
        fit(BATCHES, validation=validation)


def test_early_stopping_watches_a_stream():
    _, history = fit(BATCHES, validation=lambda: iter(VAL), early_stopping=2, epochs=50, optimizer=cr.Adam(0.1))
    assert history.stopped == "early stopping"

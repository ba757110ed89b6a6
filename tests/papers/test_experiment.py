"""What every paper's experiment shares: the seeds, the sizes, and that it is whole or not at all."""

import signal

import pytest

from chainrule.errors import OptionError
from chainrule.papers import PAPERS, find, vaswani2017
from chainrule.papers.experiment import Seeds, as_seeds
from chainrule.papers.result import told
from chainrule.progress import showing
from chainrule.training.interrupt import interruptible
from commands import chainrule

SIGNALS = {signal.SIGINT: (KeyboardInterrupt, 130, "interrupted"), signal.SIGTERM: (SystemExit, 143, "terminated")}


def test_seeds_are_a_number_or_those_given():
    assert as_seeds(3) == (0, 1, 2)
    assert as_seeds((5, 2)) == (5, 2)
    assert [told(as_seeds(seeds)) for seeds in ((4,), 3, (5, 2))] == ["seed 4", "seeds 0 to 2", "seeds 5, 2"]
    assert len(as_seeds(range(10))) == len(as_seeds(10)) == 10  # what the messages propose


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ((), "seeds is empty"),
        ((-1,), "seed is -1"),
        ((0.5,), "seed is 0.5"),
        (0, "seeds is 0, but must be a whole number, 1 or more"),
        (2.5, r"seeds is 2\.5, but must be how many, seeds=10, or which ones, seeds=range\(10\)"),
        (None, "seeds is None, but must be how many"),
        (True, "seeds is True"),
        ("ab", "seed is 'a'"),
        ([1, 2, 1], "seeds has 1 more than once"),
    ],
)
def test_other_seeds_are_refused(wrong, said):
    with pytest.raises(OptionError, match=said):
        find("minsky1969").run(seeds=wrong)


@pytest.mark.parametrize("wrong", ["a", None, 0, 1, 2.0])
def test_sizes_are_whole_numbers(wrong):
    with pytest.raises(OptionError, match=r"bits is .*, but must be a whole number, 2 or more"):
        find("minsky1969").run(seeds=1, bits=wrong)


def test_a_size_may_be_left_open_where_the_experiment_says_so():
    with pytest.raises(OptionError, match="there is no data set 'none'"):
        find("lecun1989").run(examples=None, data="none")
    with pytest.raises(OptionError, match="examples is 0"):
        find("lecun1989").run(examples=0, data="none")


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("name", PAPERS)
def test_within_every_experiment_a_signal_ends_all_at_once(name, number, monkeypatch):
    def signalled(seeds):
        with interruptible() as interrupt:  # as a training is
            signal.raise_signal(number)
        pytest.fail(f"goes on, asked to end: {interrupt.asked}")

    handlers = [signal.getsignal(one) for one in SIGNALS]
    monkeypatch.setattr(f"chainrule.papers.{name}.as_seeds", signalled)
    with pytest.raises(SIGNALS[number][0]):
        find(name).run()
    assert [signal.getsignal(one) for one in SIGNALS] == handlers
    with interruptible() as interrupt:
        signal.raise_signal(signal.SIGINT)
    assert interrupt.asked  # a training elsewhere keeps what it has


@pytest.mark.parametrize("number", SIGNALS)
def test_a_command_that_is_told_to_end_in_one_of_its_trainings_writes_nothing(number, tmp_path, monkeypatch):
    trained = []

    def train(*args, **options):
        trained.append(options)
        press = (lambda run: signal.raise_signal(number)) if len(trained) == 3 else ()
        return original(*args, **options, callbacks=press)

    original = vaswani2017.quietly
    monkeypatch.setattr(vaswani2017, "quietly", train)
    done = chainrule("paper", "vaswani2017", "--seeds", 2, "--out", "out", cwd=tmp_path)
    _, status, said = SIGNALS[number]
    assert done.returncode == status
    assert done.stdout.endswith(f"{said}: nothing was written\n")
    assert len(trained) == 3
    assert not [*tmp_path.iterdir()]


def test_who_listens_hears_of_every_seed():
    heard = []

    class Heard:
        def __init__(self, name, total):
            self.line = [name, total, 0]
            heard.append(self.line)

        def __enter__(self):
            return self.advance

        def advance(self, done):
            self.line[2] += done

        def __exit__(self, *error):
            pass

    with showing(Heard):
        result = find("minsky1969").run(seeds=(4, 7), bits=2, passes=2)
    assert heard[0] == ["minsky1969", None, 0]
    assert ["seeds", 2, 2] in heard
    before = len(heard)
    with showing(Heard):
        assert "seeds 4, 7" in str(result)
    assert len(heard) == before  # what is over shows nothing
    assert isinstance(as_seeds(2), Seeds)
    assert type(result.seeds) is tuple

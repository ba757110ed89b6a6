"""Two threads for the smallest network, so that every test splits its batches; kernels for the fewest examples."""

import pytest

from chainrule.engines import looking, runner


@pytest.fixture(autouse=True, scope="module")
def two_threads():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAINRULE_NUM_THREADS", "2")
        patch.setattr(runner, "WORK", 1)
        patch.setattr(looking, "FEW_OF_OWN", 0)
        yield

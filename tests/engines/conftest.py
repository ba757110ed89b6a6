"""Two threads for the smallest network, so that every test splits its batches."""

import pytest

from chainrule.engines import runner


@pytest.fixture(autouse=True, scope="module")
def two_threads():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAINRULE_NUM_THREADS", "2")
        patch.setattr(runner, "WORK", 1)
        yield

"""Two threads for the smallest network, so that every test splits its batches; kernels for the fewest examples."""

import pytest

from chainrule.engines.native import executor, prediction


@pytest.fixture(autouse=True, scope="module")
def two_threads():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAINRULE_NUM_THREADS", "2")
        patch.setattr(executor, "WORK", 1)
        patch.setattr(prediction, "FEW_OF_OWN", 0)
        yield

"""What settings a table has where nobody has chosen."""

import pytest

from chainrule.data.usual import settings_for


@pytest.mark.parametrize(("m", "members"), [(50, 5), (20_000, 5), (20_001, 4), (40_001, 3), (80_000, 3), (80_001, 1)])
def test_fewer_networks_answer_together_the_more_rows_there_are(m, members):
    assert settings_for(m, alone=False)["members"] == members
    assert settings_for(m, alone=True)["members"] == 1

"""Series: windows of a table with a time column, and what comes after each.

`calendar`, `periods` and `offsets` say when values are due, `holes` which rows are missing, `astray` which times are
on no calendar, `repeats` what rows of one time are, `reading` and `source` make windows of a table; `scaling`,
`comparisons`, `autoregression` and `base` make simple forecasts, `origins` the parts that judge them; `windows` is
the encoding, `lacking` what is taken for what is not known ahead after all, `likeness` tells of new rows that are
unlike training, and `forecast` is what is predicted.
"""

from chainrule.data.series.forecast import Forecast
from chainrule.data.series.reading import read_series
from chainrule.data.series.source import Series
from chainrule.data.series.windows import Windows

__all__ = ["Forecast", "Series", "Windows", "read_series"]

"""The codes of a table's columns: how each becomes numbers, learned from the training rows alone."""

from chainrule.data.codes.bag import Bag
from chainrule.data.codes.code import Code, Matrix
from chainrule.data.codes.moment import Moment
from chainrule.data.codes.number import Number
from chainrule.data.codes.words import Embedded, OneHot, WordCode, YesNo

__all__ = ["Bag", "Code", "Embedded", "Matrix", "Moment", "Number", "OneHot", "WordCode", "YesNo"]

"""From a network to its plan: traced, found to be pure where users wrote a part of it, and lowered."""

from __future__ import annotations

from dataclasses import dataclass, field

from chainrule.engines.contract import CostLike, Form, NetworkLike
from chainrule.engines.native.lower import lower
from chainrule.engines.native.plan import NoKernelError, Plan
from chainrule.engines.purity import pure_trace, still_the_same
from chainrule.engines.reach import Reach
from chainrule.engines.trace import NotTraceableError, Trace
from chainrule.engines.tracing import has_own_code, sample_size, trace


@dataclass
class Compiled:
    """A plan, and what is needed to know whether it still stands.

    Attributes:
        plan: the plan. trace: what it was made of.
        content: what own code held at that time; empty where nothing is the user's own.
        sizes: the numbers of examples for which own code was seen to do the same.
    """

    plan: Plan
    trace: Trace
    content: list[tuple[str, str, object]] = field(default_factory=list)
    sizes: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Compiler:
    """How a cost and a kind of pass are compiled for any network.

    Attributes:
        kernels: the names of the kernels that there are.
        training, updating, seed: as `Network.record` takes them.
        outputs: whether anybody wants to see the network's output.
        rounds: whether products round their operands to bfloat16.
    """

    cost: CostLike | None
    kernels: frozenset[str]
    training: bool
    updating: bool = False
    seed: int = 0
    outputs: bool = True
    rounds: bool = False

    def compiled(
        self,
        network: NetworkLike,
        given: Form,
        target: Form | None = None,
        sizes: tuple[int, ...] = (),
        known: Compiled | None = None,
    ) -> Compiled:
        """The plan for examples of this form.

        Args:
            target: the form of Y, where the loss is the user's own.
            sizes: how many examples there will be at a time, as far as that is known.
            known: what was compiled before, for the same forms, to be returned if it still stands.

        Raises:
            NoKernelError: a layer, an activation, a loss or an operation that no kernel is for.
            ShapeError: the network does not take examples of this shape.
        """
        if not given.shape:
            raise NoKernelError("examples that are single numbers")
        try:
            return self._compiled(network, given, target, sizes, known)
        except NotTraceableError as error:
            raise NoKernelError(error.reason) from error

    def _compiled(
        self, network: NetworkLike, given: Form, target: Form | None, sizes: tuple[int, ...], known: Compiled | None
    ) -> Compiled:
        def traced(network: NetworkLike, m: int, update: int) -> Trace:
            return trace(
                network,
                self.cost,
                given,
                m,
                training=self.training,
                updating=self.updating,
                seed=self.seed,
                update=update,
                target=target,
            )

        m = sample_size(network, given.shape)
        if not has_own_code(network, self.cost):
            made = traced(network, m, 0)
            return Compiled(self._lowered(made, network, own=False), made)
        if self.cost is not None and self.cost.own and self.cost.takes_weights:
            raise NoKernelError(f"the loss {self.cost.name}, which may take weights")
        content = Reach(network, self.cost).content()
        seen: set[int] = set()
        if known is not None and content == known.content and still_the_same(known.trace, network, self.cost, traced):
            seen = known.sizes
        new = set(sizes) - seen - {m}
        if known is not None and seen and not new:
            return known
        made = pure_trace(network, self.cost, traced, [m, *(new or {sample_size(network, (*given.shape, m))})])
        return Compiled(self._lowered(made, network, own=True), made, content, seen | new | {m})

    def _lowered(self, made: Trace, network: NetworkLike, own: bool) -> Plan:
        return lower(made, network, self.cost, self.kernels, outputs=self.outputs, own=own, rounds=self.rounds)

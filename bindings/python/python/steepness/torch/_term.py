"""What a pass over logits computes, as plain numbers for the Triton kernels.

A loss at its present epoch is one or two *terms*: schedules, ``le=auto``, deferral, class counts and
priors are resolved, and what is left is a curve and what surrounds it. The Rust side describes terms
as dictionaries (``steepness._core.Criterion.terms``); `Term.read` makes of one what the kernels take,
or None of a loss that they do not know.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steepness import _core

BASES: dict[str, tuple[str, ...]] = {
    "zero": (),
    "ce": (),
    "poly": ("eps",),
    "focal": ("gamma",),
    "antifocal": ("gamma",),
    "halted": ("gamma", "at"),
    "gce": ("q",),
    "prob": (),
    "deft": (),
}
"""The bases that are computed outside of Rust, and their numbers as the cards name them."""

BONUSES: dict[str, tuple[str, ...]] = {
    "el": ("le", "clamp", "start"),
    "fraction": ("sub", "clamp"),
    "power": ("gamma", "start"),
    "cosine": (),
}
"""The same of bonuses. ``fraction`` is what a spec writes ``el(sub=r)``."""


@dataclass(frozen=True)
class Part:
    """A base or a bonus: the name of its family and its numbers."""

    name: str
    numbers: tuple[float, ...] = ()

    @staticmethod
    def read(description: Mapping[str, Any], known: Mapping[str, tuple[str, ...]]) -> Part | None:
        """Read one; None for a family that is not in `known`, or with numbers of another name."""
        name = str(description["name"])
        if name == "el" and "sub" in description:
            name = "fraction"
        names = known.get(name)
        given = set(description) - {"name", "rho", "abrupt"}
        if names is None or given != set(names):
            return None
        return Part(name, tuple(float(description[number]) for number in names))


@dataclass(frozen=True)
class Bonus:
    """A bonus and where it is on: from its own start to `abrupt`, times `rho`."""

    part: Part
    rho: float = 1.0
    abrupt: float = 2.0


@dataclass(frozen=True)
class Term:
    """One pass over the logits: a curve of the label's softmax probability and its surroundings.

    Attributes
    ----------
    base, bonus
        The curve.
    smooth
        ε of label smoothing: targets are (1 − ε)·t + ε/C.
    zloss
        Weight of (log-sum-exp)².
    softcap, scale, offsets, margins
        What happens to the logits before the curve: z → scale·cap·tanh(z/cap), then z_k + offset_k,
        and z_y − margin_y for the label.
    weights
        One weight a class, which multiplies targets.
    by_weights
        Whether a mean divides by the weights of the labels, as PyTorch's does, or by rows.
    """

    base: Part
    bonus: Bonus | None = None
    smooth: float = 0.0
    zloss: float = 0.0
    softcap: float | None = None
    scale: float = 1.0
    offsets: tuple[float, ...] | None = None
    margins: tuple[float, ...] | None = None
    weights: tuple[float, ...] | None = None
    by_weights: bool = True

    @staticmethod
    def read(described: Mapping[str, Any]) -> Term | None:
        """Read a term; None where it is no curve of the softmax probability, or one unknown here."""
        if not described["softmax"]:
            return None
        # A loss without a base is its bonus alone.
        base = Part.read(described["base"] or {"name": "zero"}, BASES)
        if base is None:
            return None
        bonus = None
        of_bonus = described["bonus"]
        if of_bonus is not None:
            part = Part.read(of_bonus, BONUSES)
            if part is None:
                return None
            abrupt = of_bonus["abrupt"]
            bonus = Bonus(part, of_bonus["rho"], 2.0 if abrupt is None else abrupt)
        after = described["after"]
        return Term(
            base=base,
            bonus=bonus,
            smooth=described["smoothing"],
            zloss=described["z_loss"],
            softcap=described["soft_cap"],
            scale=described["before"] * after,
            offsets=_times(after, described["offsets"]),
            margins=_times(after, described["margins"]),
            weights=_times(1.0, described["class_weights"]),
            by_weights=described["by_weights"],
        )

    def base_numbers(self) -> tuple[float, float, float]:
        """Give what the formulas take of the base: its numbers, and what follows from them alone."""
        numbers = self.base.numbers
        if self.base.name == "halted":
            gamma, at = numbers
            numbers = (gamma, at, -math.log(at) * (1.0 - (1.0 - at) ** gamma))
        first, second, third = (*numbers, 0.0, 0.0, 0.0)[:3]
        return first, second, third

    def bonus_numbers(self) -> tuple[float, ...]:
        """Give the same of the bonus: four numbers, then ρ, start, end and its value at the start."""
        if self.bonus is None:
            return (0.0,) * 8
        name, numbers = self.bonus.part.name, self.bonus.part.numbers
        start, origin = 0.0, 0.0
        if name == "el":
            le, clamp, start = numbers
            # le = 1 has no tangent, and no probability lies beyond it.
            tangent = 1.0 / (1.0 - le) if le < 1.0 else 0.0
            numbers = (le, log(clamp), tangent, log(1.0 - le))
            origin = log(max(1.0 - start, clamp))
        elif name == "fraction":
            sub, clamp = numbers
            numbers = (sub, clamp, log(clamp))
        elif name == "power":
            gamma, start = numbers
            numbers = (gamma,)
            origin = -(start**gamma) if start > 0.0 else 0.0
        four = (*numbers, 0.0, 0.0, 0.0, 0.0)[:4]
        return (*four, self.bonus.rho, start, self.bonus.abrupt, origin)


def terms_of_rows(criterion: _core.Criterion) -> list[_core.Term]:
    """Give the terms whose sum over rows is the loss; none where there is more to it.

    More is a running mean, which moves with the batch, or a loss that looks at several rows at once: only
    the Rust kernels know these.
    """
    return criterion.terms() if criterion.row_by_row and not criterion.learns else []


def log(x: float) -> float:
    """Give ln x, −∞ at 0."""
    return math.log(x) if x > 0.0 else -math.inf


def _times(factor: float, values: Sequence[float] | None) -> tuple[float, ...] | None:
    return None if values is None else tuple(factor * value for value in values)

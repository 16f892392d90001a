"""Losses of a weight for every class (soft targets, label smoothing) as operations of PyTorch.

They need the curve at every class, which Rust would be asked for at a price above that of the whole loss:
so it is cross entropy, with or without a bonus of the logarithm, written out. As in the kernels the
likeliest class a is singled out: the others have p_k <= 1/2, whose 1 - p_k is exact. With steepness
s = w q and T the sum of t_j w_j over the others::

    dL/dz_k = o_k (q T + t_a s_a) - t_k w_k,        dL/dz_a = p_a T - t_a s_a
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from steepness.torch._adjusted import adjusted, pulled_back, refuse
from steepness.torch._term import Term

if TYPE_CHECKING:
    from steepness import _core


def supports(described: _core.Term) -> bool:
    """Tell whether its curve is written out here."""
    term = Term.read(described)
    if term is None or term.base.name not in ("ce", "zero") or term.margins is not None:
        return False
    return term.bonus is None or term.bonus.part.name == "el"


def targets_of(described: _core.Term, targets: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """Give the weight of every class (N, C): of labels or of weights, smoothed, times class weights."""
    if not targets.is_floating_point():
        targets = torch.nn.functional.one_hot(targets, classes)
    smoothing = described["smoothing"]
    t = targets.to(dtype) * (1.0 - smoothing) + smoothing / classes
    if described["class_weights"] is not None:
        t = t * torch.tensor(described["class_weights"], dtype=dtype, device=t.device)
    return t


def term_of_rows(
    described: _core.Term, logits: Tensor, t: Tensor, weights: Tensor, ignored: Tensor, wanted: bool
) -> tuple[Tensor, Tensor | None]:
    """Compute weighted losses of the rows of one term, and the gradient."""
    z = adjusted(described, logits, weights.dtype)
    top, at = z.max(1, keepdim=True)
    rest = z.scatter(1, at, -torch.inf)
    others = rest.logsumexp(1, keepdim=True)
    wrong = z.isnan().any(1, keepdim=True) | (top == torch.inf) | (top == -torch.inf)
    refuse(logits, (wrong & ~ignored.unsqueeze(1)).squeeze(1))
    u = top - others
    p_top, q_top, ln_q_top = torch.sigmoid(u), torch.sigmoid(-u), logsigmoid(-u)
    # Of one class, or where all others are masked, there is nothing to share.
    alone = others == -torch.inf
    o = torch.where(alone, 0.0, (rest - others).exp())
    p = (q_top * o).scatter(1, at, p_top)
    ln_p = torch.where(alone, -torch.inf, z - others + ln_q_top).scatter(1, at, logsigmoid(u))
    q = (1.0 - p).scatter(1, at, q_top)
    ln_q = torch.log1p(-p).scatter(1, at, ln_q_top)
    value, steepness = _curve(described, p, q, ln_p, ln_q)
    # 0 * inf where a masked class has no target either.
    losses = torch.where(t == 0.0, 0.0, t * value).sum(1)
    lse = top.squeeze(1) - logsigmoid(u).squeeze(1)
    z_loss = described["z_loss"]
    # As of a label, whose class weight multiplies all of it.
    of_square = t.sum(1) if described["class_weights"] is not None else torch.ones_like(lse)
    losses = losses + z_loss * of_square * lse * lse
    losses = torch.where((weights == 0) | ignored, 0.0, weights * losses)
    if not wanted:
        return losses, None
    pull = torch.where(t == 0.0, 0.0, t * steepness / q).scatter(1, at, 0.0)
    of_top = (t * steepness).gather(1, at)
    total = pull.sum(1, keepdim=True) + (2.0 * z_loss * of_square * lse).unsqueeze(1)
    gradient = o * (q_top * total + of_top) - pull
    gradient = gradient.scatter(1, at, p_top * total - of_top) * weights.unsqueeze(1)
    gradient = torch.where(ignored.unsqueeze(1), 0.0, gradient)
    return losses, pulled_back(described, gradient, logits)


def _curve(described: _core.Term, p: Tensor, q: Tensor, ln_p: Tensor, ln_q: Tensor) -> tuple[Tensor, Tensor]:
    """Give loss and steepness of every class."""
    term = Term.read(described)
    if term is None:
        raise ValueError("a curve that is not written out")
    value, steepness = (-ln_p, q) if term.base.name == "ce" else (torch.zeros_like(p), torch.zeros_like(p))
    if term.bonus is None:
        return value, steepness
    le, ln_clamp, tangent, ln_rest, rho, start, end, origin = term.bonus_numbers()
    beyond, free = p > le, ln_q > ln_clamp
    bonus = torch.where(beyond, ln_rest - (p - le) * tangent, ln_q.clamp(min=ln_clamp))
    steeper = torch.where(beyond, p * tangent * q, torch.where(free, p, 0.0))
    on = (p >= start) & (p <= end)
    value = value + torch.where(on, rho * (bonus - origin), 0.0)
    return value, steepness + torch.where(on, rho * steeper, 0.0)

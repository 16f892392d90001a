"""The last linear layer and its loss in one, without the logits in memory."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function

from steepness.torch._attach import REFUSAL
from steepness.torch._kernel import NAMES
from steepness.torch._module import Loss


def linear_loss(
    features: Tensor,
    weight: Tensor,
    targets: Tensor,
    loss: str | Loss,
    bias: Tensor | None = None,
) -> Tensor:
    """Compute the loss of the logits ``features @ weight.T + bias``, which are never all in memory.

    Parameters
    ----------
    features
        (N, D), or (..., D), of float32, float64, bfloat16 or float16, on the CPU.
    weight
        (C, D), of float32; of float64 for such features.
    targets
        Classes (N) or (...); or weights of classes, with C at the end.
    loss
        A loss as one line, or a `Loss` with its options, whose reduction is the mean or the sum.
    bias
        (C,), of the type of `weight`.

    Returns
    -------
    Tensor
        A number of the type of `weight`; its gradient reaches features, weight and bias.

    Raises
    ------
    ValueError
        Shapes that do not fit; a logit of NaN or +inf, by row and column; tensors elsewhere.
    IndexError
        A class that is not below C, with its row.
    TypeError
        Tensors of another type.

    Notes
    -----
    Rows are computed in chunks of some hundred: their logits, the gradient over them, and what that adds
    to the three gradients, as in Liger Kernel (Hsu et al. 2024). Beyond the gradients it takes 40 MiB.

    Examples
    --------
    >>> features = torch.ones(2, 3)
    >>> weight = torch.zeros(5, 3, requires_grad=True)
    >>> linear_loss(features, weight, torch.tensor([4, 4]), "ce").backward()
    >>> weight.grad[4].tolist()
    [-0.800000011920929, -0.800000011920929, -0.800000011920929]
    """
    if isinstance(loss, str):
        loss = Loss(loss)
    if loss.reduction == "none":
        raise ValueError('reduction="none": a gradient of the weight belongs to all rows')
    return cast(Tensor, _Linear.apply(features, weight, bias, targets, loss))  # type: ignore[no-untyped-call]


class _Linear(Function):
    @staticmethod
    def forward(
        ctx: Any, features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, loss: Loss
    ) -> Tensor:
        soft = _check(features, weight, bias, targets)
        classes, depth = weight.shape
        x, w = features.reshape(-1, depth).contiguous(), weight.contiguous()
        b = None if bias is None else bias.contiguous()
        y = targets.to(weight.dtype if soft else torch.int64).contiguous()
        wanted = ctx.needs_input_grad[:3]
        found = [
            torch.empty_like(of) if of is not None and wants else None
            for of, wants in zip((x, w, b), wanted, strict=True)
        ]
        criterion = loss.criterion(classes)
        value = criterion.linear(
            NAMES[features.dtype],
            x.data_ptr(),
            w.data_ptr(),
            0 if b is None else b.data_ptr(),
            y.data_ptr(),
            soft,
            x.shape[0],
            depth,
            *[0 if g is None else g.data_ptr() for g in found],
        )
        if any(wanted) and loss.state is not None:
            loss.state.copy_(torch.tensor(criterion.state, dtype=torch.float64, device="cpu"))
        if found[0] is not None:
            found[0] = found[0].reshape(features.shape)
        ctx.gradients = found
        return torch.scalar_tensor(value, dtype=weight.dtype, device="cpu")

    @staticmethod
    def backward(ctx: Any, *by: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(REFUSAL)
        if ctx.gradients is None:
            raise RuntimeError("the gradients are gone: backward can be called once")
        found = ctx.gradients
        ctx.gradients = None
        factor = by[0].item()
        if factor != 1.0:
            # They are nobody else's.
            for gradient in found:
                if gradient is not None:
                    gradient.mul_(factor)
        return (*found, None, None)


def _check(features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> bool:
    """Refuse what does not fit; tell whether the targets are weights."""
    if features.dtype not in NAMES:
        raise TypeError(f"features of {features.dtype}: expected float32, float64, bfloat16 or float16")
    real = torch.float64 if features.dtype == torch.float64 else torch.float32
    if features.ndim < 2 or weight.ndim != 2:
        raise ValueError(
            f"features of shape {tuple(features.shape)} and weight of shape {tuple(weight.shape)}: "
            "expected (N, D) and (C, D)"
        )
    soft = targets.is_floating_point()
    of_rows = tuple(features.shape[:-1])
    classes = weight.shape[0]
    expected = [
        ("weight", weight, (classes, features.shape[-1])),
        ("bias", bias, (classes,)),
        ("targets", targets, (*of_rows, classes) if soft else of_rows),
    ]
    for name, tensor, shape in expected:
        if tensor is None:
            continue
        if tuple(tensor.shape) != shape:
            raise ValueError(f"{name} of shape {tuple(tensor.shape)}: expected {shape}")
        if name != "targets" and tensor.dtype != real:
            raise TypeError(f"{name} of {tensor.dtype}: expected {real} for features of {features.dtype}")
    for name, tensor in (
        ("features", features),
        ("weight", weight),
        ("bias", bias),
        ("targets", targets),
    ):
        if tensor is not None and tensor.device.type != "cpu":
            raise ValueError(f"{name} on {tensor.device}: linear_loss computes on the CPU")
    return soft

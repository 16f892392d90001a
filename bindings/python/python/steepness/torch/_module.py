"""`Loss`: any loss of one line as a module."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from steepness._core import Criterion
from steepness.torch import _kernel, _ops
from steepness.torch._attach import Attached
from steepness.torch._backend import Backend, choose
from steepness.torch._layout import Layout, layout


class Loss(nn.Module):
    """A loss in the place of `torch.nn.CrossEntropyLoss`.

    Parameters
    ----------
    spec
        The loss as one line: ``"ce"``, ``"el(le=0.75)"``, ``"el(le=0.5) + smooth(0.1)"``.
    weight
        A weight >= 0 for each class, (C,).
    ignore_index
        The class that makes a row count for nothing.
    reduction
        ``"mean"`` over the sum of the rows' weights, ``"sum"`` or ``"none"``. The mean of nothing is 0,
        where PyTorch's is NaN.
    label_smoothing
        The target becomes (1 - e) one-hot + e/C; as ``smooth(e)`` in the spec.
    class_counts
        How many training examples each class has, for losses that ask for it, such as
        ``"ce + adjust(tau=1)"``.
    inplace
        Write the gradient over the logits, whose values are lost. It saves their size in memory, and the
        time to touch it first. Only on the CPU, for contiguous logits that are no leaf. Where another
        operation needs their values, its backward pass raises an error.

    Raises
    ------
    ValueError
        A spec that cannot be read, with the column and what was expected there; numbers out of range.

    Notes
    -----
    The gradient is computed with the loss, in one pass, and kept for the backward pass. There is no
    second derivative, nor `torch.func.vmap`; both are refused.

    Under `DistributedDataParallel` each process divides by its own rows, and gradients are averaged over
    processes: with as many counted rows in each that is the mean over all; else take
    ``reduction="sum"``, divide by the number of all and multiply by the number of processes.

    Examples
    --------
    >>> criterion = Loss("el(le=0.5)", label_smoothing=0.1)
    >>> criterion
    Loss('el(le=0.5) + smooth(0.1)')
    >>> round(criterion(torch.tensor([[2.0, -1.0, 0.5, 1.5]]), torch.tensor([0])).item(), 6)
    0.041913
    """

    weight: Tensor | None
    state: Tensor | None

    def __init__(
        self,
        spec: str = "el",
        weight: Tensor | Sequence[float] | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
        class_counts: Tensor | Sequence[int] | None = None,
        inplace: bool = False,
    ) -> None:
        super().__init__()
        if weight is not None:
            weight = torch.as_tensor(weight, dtype=None if isinstance(weight, Tensor) else torch.float32)
            if weight.ndim != 1:
                raise ValueError(f"weight of shape {tuple(weight.shape)}: expected (C,)")
            weight = weight.detach().clone()
        self.register_buffer("weight", weight)
        self.class_counts = None if class_counts is None else [int(n) for n in class_counts]
        self.ignore_index = ignore_index
        self.reduction = reduction
        self.inplace = inplace
        self._criteria: dict[int, Criterion] = {}
        classes = next((len(of) for of in (weight, self.class_counts) if of is not None), 2)
        self.spec = spec
        plain = self._make(classes, label_smoothing)
        self.spec = plain.spec
        # Epoch, epochs, running means; for losses without any there is nothing to keep.
        state = torch.tensor(plain.state, dtype=torch.float64, device="cpu")
        self._learns = plain.learns
        self._stateful = plain.learns or plain.by_epoch
        self.register_buffer("state", state if self._stateful else None)

    def _make(self, classes: int, label_smoothing: float = 0.0) -> Criterion:
        return Criterion(
            self.spec,
            classes,
            counts=self.class_counts,
            weight=None if self.weight is None else self.weight.tolist(),
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=label_smoothing,
        )

    def criterion(self, classes: int) -> Criterion:
        """Give what computes for so many classes; for the modules of this package."""
        criterion = self._criteria.get(classes)
        if criterion is None:
            criterion = self._criteria[classes] = self._make(classes)
        if self._stateful:
            criterion.state = cast(Tensor, self.state).tolist()
        return criterion

    def set_epoch(self, epoch: int, epochs: int) -> None:
        """Tell schedules, ``from epoch`` and deferred weights which epoch it is.

        Parameters
        ----------
        epoch
            From 1.
        epochs
            How many there are.
        """
        if not 0 <= epoch or not 0 <= epochs:
            raise ValueError(f"epoch {epoch} of {epochs}: expected numbers >= 0")
        if self.state is not None:
            self.state[:2] = torch.tensor([epoch, epochs], dtype=torch.float64)

    def forward(self, logits: Tensor, targets: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        """Compute the loss.

        Parameters
        ----------
        logits
            Of float32, float64, bfloat16 or float16, of shape (N, C), (C,), (N, C, d...) or (B, T, C).
            Half precision is computed in float32; what is contiguous is not copied.
        targets
            Classes of the shape without C, or weights of the shape of the logits: probabilities, usually.
        sample_weight
            A weight >= 0 for each row, of the shape without C.

        Returns
        -------
        Tensor
            A number, or for ``"none"`` one a row, of float64 for such logits, else of float32.

        Raises
        ------
        ValueError
            Shapes that do not fit; a logit of NaN or +inf, by row and column.
        IndexError
            A class that is not below C, with its row.
        TypeError
            Logits of another type.
        """
        if torch.compiler.is_compiling() or type(logits) not in (Tensor, nn.Parameter):
            return self._traced(logits, targets, sample_weight)
        where = layout(logits, targets)
        criterion = self.criterion(logits.shape[where.axis])
        compute: Backend = choose(criterion, logits, where)
        if not (logits.requires_grad and torch.is_grad_enabled()):
            return compute(criterion, logits, targets, sample_weight, where, False)[0]
        if self.inplace:
            compute = _over
        loss = Attached.apply(logits, targets, sample_weight, compute, criterion, where)  # type: ignore[no-untyped-call]
        if self._learns and self.state is not None:
            self.state.copy_(torch.tensor(criterion.state, dtype=torch.float64, device="cpu"))
        return cast(Tensor, loss)

    def _traced(self, logits: Tensor, targets: Tensor, sample_weight: Tensor | None) -> Tensor:
        """Compute by an operator that `torch.compile` and `torch.export` know."""
        wanted = logits.requires_grad and torch.is_grad_enabled()
        loss, _, state = torch.ops.steepness.loss(
            logits,
            targets,
            sample_weight,
            self.weight,
            self.state,
            self.spec,
            self.class_counts,
            self.ignore_index,
            self.reduction,
            wanted,
        )
        if wanted and self._learns and self.state is not None:
            self.state.copy_(state)
        return loss  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Give what is not as usual."""
        said = [repr(self.spec)]
        if self.weight is not None:
            said.append(f"weight=({len(self.weight)},)")
        usual = {"ignore_index": -100, "reduction": "mean", "inplace": False}
        said += [f"{k}={getattr(self, k)!r}" for k, v in usual.items() if getattr(self, k) != v]
        return ", ".join(said)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Loss:
        """Move the class weights; the state stays where and as exact as it is."""
        state = self.state
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.state = state
        return self

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        # Class weights may be others now.
        self._criteria.clear()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is made anew."""
        return {**self.__dict__, "_criteria": {}}


def _over(
    criterion: Criterion,
    logits: Tensor,
    targets: Tensor,
    sample_weight: Tensor | None,
    layout: Layout,
    wanted: bool,
) -> tuple[Tensor, Tensor | None]:
    """Compute with the gradient in the logits' memory."""
    problem = None
    if logits.device.type != "cpu":
        problem = f"they are on {logits.device}"
    elif logits.is_leaf:
        problem = "they are a leaf: their values are nobody's to overwrite"
    elif not logits.is_contiguous():
        problem = f"they are not contiguous (strides {logits.stride()})"
    elif logits.dtype == torch.float16:
        problem = "the gradient of float16 is kept in float32"
    if problem is not None:
        raise ValueError(f"inplace=True cannot overwrite the logits: {problem}")
    found = _kernel.compute(criterion, logits, targets, sample_weight, layout, wanted, inplace=True)
    torch.autograd.graph.increment_version(logits)
    return found


class EncouragingLoss(Loss):
    """The encouraging loss of *Well-Classified Examples are Underestimated* (AAAI 2022).

    ``EncouragingLoss(le=0.75)`` is ``Loss("el(le=0.75)")``.

    Parameters
    ----------
    le
        Where the logarithm of the bonus goes over into its tangent (eq. 7), in [0, 1]; 1 is the normal
        bonus (eq. 6). The paper takes 0.5 as a safe start, 0.75 where cross entropy is accurate already.
    clamp
        The least 1 - p that the bonus sees; 1e-5 as published, 0 for the exact one.
    weight, ignore_index, reduction, label_smoothing, class_counts, inplace
        As of `Loss`.

    Examples
    --------
    >>> EncouragingLoss(le=0.75)
    EncouragingLoss('el(le=0.75)')
    """

    def __init__(
        self,
        le: float = 1.0,
        weight: Tensor | Sequence[float] | None = None,
        *,
        clamp: float = 1e-5,
        **options: Any,
    ) -> None:
        if not math.isfinite(le) or not math.isfinite(clamp):
            raise ValueError(f"le={le}, clamp={clamp}: expected numbers in [0, 1]")
        super().__init__(f"el(le={le!r}, clamp={clamp!r})", weight, **options)


_ops.register()

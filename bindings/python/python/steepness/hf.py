"""Losses for the Trainer of transformers.

>>> import steepness.hf
>>> steepness.hf.loss("el(le=0.5)")
loss('el(le=0.5)')

is what ``Trainer(model, args, compute_loss_func=steepness.hf.loss("el(le=0.5)"))`` takes.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from steepness.torch import Loss

if TYPE_CHECKING:
    from transformers import TrainerCallback

__all__ = ["TrainerLoss", "loss"]


def loss(spec: str, *, shift: bool | None = None, **options: Any) -> TrainerLoss:
    """Make a loss that the Trainer takes as ``compute_loss_func``.

    Parameters
    ----------
    spec
        The loss as one line, as of `steepness.torch.Loss`.
    shift
        Whether the logits at a position are of the next position's label, as those of language models
        that read from left to right. None: as the model's output says, whose class is then a ``CausalLM…``.
    options
        ``weight``, ``ignore_index``, ``label_smoothing`` and ``class_counts`` of `steepness.torch.Loss`.

    Returns
    -------
    TrainerLoss
        To be called by the Trainer.

    Raises
    ------
    ValueError
        A spec that cannot be read.
    TypeError
        ``reduction``, which is the Trainer's: see `TrainerLoss`.
    """
    if "reduction" in options:
        raise TypeError("the Trainer says what the sum over labels is divided by: reduction is not a choice")
    return TrainerLoss(Loss(spec, reduction="sum", **options), shift)


class TrainerLoss:
    """The sum over labels, divided by the number of labels in all of the accumulated batches.

    That number is what the Trainer passes as ``num_items_in_batch``, so that accumulating gradients gives
    what one large batch would. Where there is none it is the number of labels here. Class weights do not
    change it.

    Attributes
    ----------
    criterion
        The `steepness.torch.Loss`.
    shift
        As of `loss`.
    """

    def __init__(self, criterion: Loss, shift: bool | None = None) -> None:
        self.criterion = criterion
        self.shift = shift
        self._warned = False

    def __call__(
        self,
        outputs: Any,
        labels: Tensor | None,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Compute the loss of a batch.

        Parameters
        ----------
        outputs
            What the model returned: an object or a mapping with ``logits``, or a tuple that begins with
            them, of shape (B, C) or (B, T, C).
        labels
            Classes of shape (B,) or (B, T).
        num_items_in_batch
            The number of labels in all batches of a step.

        Raises
        ------
        ValueError
            No labels; shapes that do not fit; logits of positions in an output that does not say whether
            they are of the next label.
        """
        if labels is None:
            raise ValueError("the batch has no 'labels', so there is no loss")
        logits = _logits(outputs)
        labels = labels.to(logits.device)
        if logits.shape[:-1] != labels.shape:
            raise ValueError(
                f"logits of shape {tuple(logits.shape)} with labels of shape {tuple(labels.shape)}: "
                "expected (..., C) and (...)"
            )
        if logits.ndim > 2 and self._shifts(outputs):
            # Labels move, not the logits: those would be copied.
            ignored = self.criterion.ignore_index
            labels = torch.nn.functional.pad(labels, (0, 1), value=ignored)[..., 1:]
        self._look_at_the_epoch(logits.shape[-1])
        labels = labels.reshape(-1)
        total: Tensor = self.criterion(logits.reshape(-1, logits.shape[-1]), labels)
        if num_items_in_batch is None:
            items = (labels != self.criterion.ignore_index).sum().clamp(min=1)
        else:
            # One number for each device that shares the model.
            items = torch.as_tensor(num_items_in_batch, device=total.device).flatten()[0]
        return total / items

    def _shifts(self, outputs: Any) -> bool:
        if self.shift is not None:
            return self.shift
        name = type(outputs).__name__
        if not name.endswith("Output") and "Output" not in name:
            raise ValueError(
                f"a {name} does not say whether its logits are of the next label: give shift=True "
                "(language models that read from left to right) or shift=False"
            )
        return "CausalLM" in name

    def _look_at_the_epoch(self, classes: int) -> None:
        state = self.criterion.state
        if self._warned or state is None or state[0] > 0:
            return
        if self.criterion.criterion(classes).by_epoch:
            self._warned = True
            warnings.warn(
                f"{self!r} follows the epoch, and nobody says which it is: "
                "give the Trainer callbacks=[loss.callback()]",
                stacklevel=3,
            )

    def callback(self) -> TrainerCallback:
        """Make what tells the loss the epoch, for schedules, ``from epoch`` and deferred weights.

        ``Trainer(…, compute_loss_func=loss, callbacks=[loss.callback()])``
        """
        from transformers import TrainerCallback

        criterion = self.criterion

        class Epochs(TrainerCallback):  # type: ignore[misc, unused-ignore]
            """Tells a loss the epoch."""

            def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                """Count from 1."""
                epochs = -(-state.num_train_epochs // 1)
                criterion.set_epoch(int(state.epoch or 0) + 1, max(int(epochs), 1))

        return Epochs()

    def __repr__(self) -> str:
        """Show the loss and its options."""
        shift = "" if self.shift is None else f", shift={self.shift}"
        options = self.criterion.extra_repr().replace(", reduction='sum'", "")
        return f"loss({options}{shift})"


def _logits(outputs: Any) -> Tensor:
    """Find the logits in what a model returned."""
    found = outputs.get("logits") if isinstance(outputs, Mapping) else getattr(outputs, "logits", None)
    if found is None and isinstance(outputs, tuple):
        found = outputs[0]
    if not isinstance(found, Tensor) or found.ndim < 2:
        raise ValueError(f"a {type(outputs).__name__} without 'logits' of shape (B, C) or (B, T, C)")
    return found

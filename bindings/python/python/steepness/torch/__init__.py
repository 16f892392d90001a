"""The losses for PyTorch: `Loss` in the place of `torch.nn.CrossEntropyLoss`.

>>> import torch
>>> from steepness.torch import Loss
>>> criterion = Loss("el(le=0.75)")
>>> logits = torch.tensor([[2.0, -1.0, 0.5, 1.5]], requires_grad=True)
>>> criterion(logits, torch.tensor([0])).backward()
>>> logits.grad[0, 0].item()
-1.0

On the CPU the Rust kernels compute; on a GPU Triton does, where it is there and knows the loss, else
operations of PyTorch (`_backend.py` says which).
"""

from steepness.torch._linear import linear_loss
from steepness.torch._module import EncouragingLoss, Loss

__all__ = ["EncouragingLoss", "Loss", "linear_loss"]

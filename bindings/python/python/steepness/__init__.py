"""How much should a classifier go on learning from what it already gets right.

Every classification loss as one fused, exact function, for NumPy (`loss`) and for PyTorch
(`steepness.torch`, imported on its own); the measurements that tell what a loss did (`measure`); losses and
seeds compared in a training of one's own (`compare`, `Run`); and the command ``steepness``.

A loss is one line: ``ce``, ``el(le=0.75)``, ``el(le=0.5) + smooth(0.1)``, ``focal(gamma=2)``.
"""

from steepness._compare import Comparison, compare
from steepness._core import __version__
from steepness._loss import loss
from steepness._measure import Measurements, measure
from steepness._run import Run

__all__ = ["Comparison", "Measurements", "Run", "__version__", "compare", "loss", "measure"]

"""What the Rust side gives; for the modules of this package only."""

from typing import Literal, TypeAlias, TypedDict

__version__: str

Reduction: TypeAlias = Literal["mean", "sum", "none"]
_Matrix: TypeAlias = tuple[int, int, int]
_Vector: TypeAlias = tuple[int, int]

class Term(TypedDict):
    softmax: bool
    squares: bool
    base: dict[str, float | str] | None
    bonus: dict[str, float | str | None] | None
    soft_cap: float | None
    before: float
    offsets: list[float] | None
    margins: list[float] | None
    after: float
    smoothing: float
    class_weights: list[float] | None
    z_loss: float
    by_weights: bool

class Criterion:
    def __init__(
        self,
        spec: str,
        classes: int,
        *,
        counts: list[int] | None = None,
        weight: list[float] | None = None,
        reduction: str = "mean",
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
    ) -> None: ...
    spec: str
    classes: int
    ignore_index: int
    reduction: Reduction
    learns: bool
    by_epoch: bool
    row_by_row: bool
    state: list[float]
    def terms(self) -> list[Term]: ...
    def compute(
        self,
        dtype: str,
        logits: int,
        gradient: int,
        targets: int,
        soft: bool,
        rows: int,
        inner: int,
        sample_weights: int,
        losses: int,
        value: int = 0,
    ) -> float: ...
    def linear(
        self,
        dtype: str,
        features: int,
        weight: int,
        bias: int,
        targets: int,
        soft: bool,
        rows: int,
        depth: int,
        of_features: int,
        of_weight: int,
        of_bias: int,
    ) -> float: ...

def curve(
    criterion: Criterion,
    at: int,
    log_odds: int,
    squares: int,
    count: int,
    values: int,
    steepness: int,
) -> None: ...
def measure(
    logits: _Matrix,
    labels: _Vector,
    validation: tuple[_Matrix, _Vector] | None,
    foreign: list[tuple[str, _Matrix]],
    counts: _Vector | None,
    features: _Matrix | None,
    neighbours: int,
) -> str: ...
def main_from(words: list[str], interpreter: list[str]) -> int: ...

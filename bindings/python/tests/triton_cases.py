"""Losses for the tests of the Triton kernels: a spec, and the term that the Rust side makes of it."""

from typing import Any

LOG = {"name": "el", "le": 1.0, "clamp": 1e-5, "start": 0.0, "rho": 1.0, "abrupt": None}
FOCAL = {"name": "focal", "gamma": 2.0}


def term(base: dict[str, Any] | None = None, bonus: dict[str, Any] | None = None, **more: Any) -> dict:
    """A term with every key."""
    return {
        "softmax": True, "squares": False, "base": base or {"name": "ce"}, "bonus": bonus,
        "soft_cap": None, "before": 1.0, "offsets": None, "margins": None, "after": 1.0,
        "smoothing": 0.0, "class_weights": None, "z_loss": 0.0, "by_weights": True, **more,
    }  # fmt: skip


CURVES = {
    "ce": term(),
    "el(le=1)": term(bonus=LOG),
    "el(le=1, clamp=0)": term(bonus=LOG | {"clamp": 0.0}),
    "el(le=0.75)": term(bonus=LOG | {"le": 0.75}),
    "el(le=0)": term(bonus=LOG | {"le": 0.0}),
    "el(le=0.8, start=0.3, rho=0.5, abrupt=0.95)": term(
        bonus=LOG | {"le": 0.8, "start": 0.3, "rho": 0.5, "abrupt": 0.95}
    ),
    "aggressive(start=0.5)": term(bonus=LOG | {"start": 0.5}),
    "el(sub=0.7)": term(bonus={"name": "el", "sub": 0.7, "clamp": 1e-5, "rho": 1.0, "abrupt": None}),
    "power(gamma=2)": term(bonus={"name": "power", "gamma": 2.0, "start": 0.0, "rho": 1.0, "abrupt": None}),
    "power(gamma=3, start=0.4)": term(
        bonus={"name": "power", "gamma": 3.0, "start": 0.4, "rho": 1.0, "abrupt": None}
    ),
    "cosine": term(bonus={"name": "cosine", "rho": 1.0, "abrupt": None}),
    "poly(eps=2)": term({"name": "poly", "eps": 2.0}),
    "focal(gamma=2)": term(FOCAL),
    "focal(gamma=0.5)": term({"name": "focal", "gamma": 0.5}),
    "focal(gamma=2) + bonus(le=0.5)": term(FOCAL, LOG | {"le": 0.5}),
    "antifocal(gamma=1)": term({"name": "antifocal", "gamma": 1.0}),
    "halted(gamma=1, at=0.5)": term({"name": "halted", "gamma": 1.0, "at": 0.5}),
    "gce(q=0.7)": term({"name": "gce", "q": 0.7}),
    "prob": term({"name": "prob"}),
    "deft": term({"name": "deft"}, squares=True),
}
"""Every curve, in general position."""

OPTIONS = {
    "el(le=0.75) + smooth(0.1)": term(bonus=LOG | {"le": 0.75}, smoothing=0.1),
    "gce(q=0.7) + smooth(0.3)": term({"name": "gce", "q": 0.7}, smoothing=0.3),
    "deft + smooth(0.1)": term({"name": "deft"}, squares=True, smoothing=0.1),
    "el(le=0.5) + zloss(0.01)": term(bonus=LOG | {"le": 0.5}, z_loss=0.01),
    "ce + smooth(0.1) + zloss(0.01)": term(smoothing=0.1, z_loss=0.01),
    "el(le=0.5) + softcap(3) + temp(2)": term(bonus=LOG | {"le": 0.5}, soft_cap=3.0, before=0.5),
    "el(le=0.5) + margin(m=0.35, scale=2)": term(bonus=LOG | {"le": 0.5}, margins=[0.35] * 7, after=2.0),
}
"""What stands around a curve, for seven classes."""

"""The curves as Triton functions: loss L and steepness w·q of one probability.

They are the formulas of the Rust library's cards (``crates/loss/src/curve``), on single rows and on
whole tiles alike. The name of a family is a constant of the kernel, so that a kernel holds the code of
one curve; its numbers are arguments, because schedules and ``le=auto`` move them from step to step.

Everything is f32 and made of ln p and ln q, which are never computed from 1 − p where p may be
near 1.
"""

from __future__ import annotations

import triton
import triton.language as tl

# mypy: disable-error-code="no-untyped-def, untyped-decorator, import-untyped"
# ruff: noqa: D401, D403


@triton.jit
def log1p(x):
    """ln(1 + x) for −1/2 ≤ x ≤ 1: 2·atanh(x/(2 + x)), to the last bit or two.

    Triton has no log1p that its interpreter and every back end share.
    """
    t = x / (2.0 + x)
    s = t * t
    tail = 0.1111111111 + s * (0.0909090909 + s * (0.0769230769 + s * 0.0666666667))
    return t * (2.0 + 2.0 * s * (0.3333333333 + s * (0.2 + s * (0.1428571429 + s * tail))))


@triton.jit
def expm1(x):
    """e^x − 1 for x ≤ 0."""
    series = 1.0 + x * 0.1666666667 * (1.0 + x * 0.1428571429 * (1.0 + x * 0.125))
    series = 1.0 + x * 0.3333333333 * (1.0 + x * 0.25 * (1.0 + x * 0.2 * series))
    return tl.where(x > -0.5, x * (1.0 + x * 0.5 * series), tl.exp(x) - 1.0)


@triton.jit
def tanh(x):
    """tanh, without cancellation near 0."""
    e = tl.exp(-2.0 * tl.abs(x))
    large = (1.0 - e) / (1.0 + e)
    s = x * x
    series = 1.0 - s * (0.3333333333 - s * (0.1333333333 - s * (0.0539682540 - s * 0.0218694885)))
    return tl.where(s < 0.05, x * series, tl.where(x < 0.0, -large, large))


@triton.jit
def odds(u):
    """p = σ(u), q = 1 − p and their logarithms from the log-odds u, ±∞ included."""
    small = tl.exp(-tl.abs(u))
    large = 1.0 / (1.0 + small)
    softplus = log1p(small)
    ln_small = -tl.abs(u) - softplus
    sure = u >= 0.0
    p = tl.where(sure, large, small * large)
    q = tl.where(sure, small * large, large)
    return p, q, tl.where(sure, -softplus, ln_small), tl.where(sure, ln_small, -softplus)


@triton.jit
def power(ln_x, exponent):
    """x^exponent from ln x ≤ 0; 0⁰ is 1."""
    return tl.where(exponent == 0.0, 1.0, tl.exp(exponent * ln_x))


@triton.jit
def p_ln_p(p, ln_p):
    """p·ln p, which is 0 at p = 0."""
    return tl.where(p == 0.0, 0.0, p * ln_p)


@triton.jit
def focal(gamma, p, q, ln_p, ln_q):
    """−q^γ·ln p."""
    fades = power(ln_q, gamma)
    return -fades * ln_p, fades * (q - gamma * p_ln_p(p, ln_p))


@triton.jit
def base_of(KIND: tl.constexpr, a, b, c, p, q, ln_p, ln_q, squares):
    """A base: its loss and its steepness. `squares` is Σ_k p_k² of the row, for ``deft`` only."""
    if KIND == "zero":
        value, steepness = p * 0.0, p * 0.0
    elif KIND == "ce":
        value, steepness = -ln_p, q
    elif KIND == "poly":
        value, steepness = a * q - ln_p, (1.0 + a * p) * q
    elif KIND == "focal":
        value, steepness = focal(a, p, q, ln_p, ln_q)
    elif KIND == "antifocal":
        grows = tl.exp(a * log1p(p))
        value = -grows * ln_p
        steepness = (grows + a * grows / (1.0 + p) * p_ln_p(p, ln_p)) * q
    elif KIND == "halted":
        fading, slope = focal(a, p, q, ln_p, ln_q)
        value = tl.where(p > b, -ln_p - c, fading)
        steepness = tl.where(p > b, q, slope)
    elif KIND == "gce":
        value, steepness = -expm1(a * ln_p) / a, power(ln_p, a) * q
    elif KIND == "prob":
        value, steepness = -p, p * q
    else:
        tl.static_assert(KIND == "deft", "a base that has no formula here")
        value, steepness = -expm1(squares * ln_p) / squares, tl.exp(squares * ln_p) * q
    return value, steepness


@triton.jit
def bonus_of(KIND: tl.constexpr, a, b, c, d, rho, start, end, origin, p, q, ln_p, ln_q):
    """A bonus: what it adds to the loss and to the steepness."""
    if KIND == "el":
        # By logarithms: q itself is 0 long before ln q is −∞.
        free = ln_q > b
        beyond = p > a
        value = tl.where(beyond, d - (p - a) * c, tl.where(free, ln_q, b))
        steepness = tl.where(beyond, p * c * q, tl.where(free, p, 0.0))
    elif KIND == "fraction":
        rest = (1.0 - a) + a * q
        near = rest > 0.5
        logarithm = tl.where(near, log1p(tl.where(near, -(a * p), 0.0)), tl.log(rest))
        value = tl.where(rest > b, logarithm, c)
        steepness = tl.where(rest > b, a * p / rest * q, 0.0)
    elif KIND == "power":
        grows = power(ln_p, a)
        value, steepness = -grows, a * grows * q
    else:
        tl.static_assert(KIND == "cosine", "a bonus that has no formula here")
        # cos(πp) − 1 = −2·sin²(πp/2), and sin(πp) = sin(πq) from the smaller.
        half = tl.sin(1.5707963268 * p)
        sine = tl.sin(3.1415926536 * tl.minimum(p, q))
        value, steepness = -2.0 * half * half, 3.1415926536 * p * sine * q
    on = (p >= start) & (p <= end)
    return tl.where(on, rho * (value - origin), 0.0), tl.where(on, rho * steepness, 0.0)

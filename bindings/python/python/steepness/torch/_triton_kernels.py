"""The Triton kernels: loss and gradient of rows of logits in one pass.

One class a row is singled out and its log-odds u computed from the *others*: with m their largest logit
and S = Σ exp(z_j − m), u = z − m − ln S, and the others' own softmax is o_k = exp(z_k − m)/S, so that
p_k = q·o_k. Nothing is ever computed as 1 − p, and the gradient of a class that is nearly certain has
all its digits.

``hard`` singles out the label y; with s = w·q the steepness::

    ∂L/∂z_k = s·o_k,        ∂L/∂z_y = −s

``soft`` (label smoothing, soft targets t) singles out the likeliest class a, so that p_k ≤ 1/2 for all
others; with T = Σ_{j≠a} t_j·w_j::

    ∂L/∂z_k = o_k·(q·T + t_a·s_a) − t_k·w_k,        ∂L/∂z_a = p_a·T − t_a·s_a

A program computes ROWS rows. Where a row fits into one block (BLOCKS = 1) each logit is read once and
each element of the gradient written once. A longer row is read block by block: twice by ``hard``, three
times by ``soft`` (softmax; T; gradient), and its gradient written once.

Rows that begin and end on 16 bytes are moved by vectors. Triton sees of itself only multiples of 16
elements: of other multiples of 8 the sizes are given in eights (``EIGHTS``).

What is no number stays visible: a row with a NaN or +∞ logit, with all logits −∞, with a target out of
range or with a soft target that is negative or infinite has the loss NaN and the gradient NaN. No
address depends on a target's value before it is checked.
"""

from __future__ import annotations

import triton
import triton.language as tl

from ._triton_curves import base_of, bonus_of, log1p, odds, tanh

# mypy: disable-error-code="no-untyped-def, untyped-decorator, import-untyped"
# The numbers of a curve go through many hands: one argument a line would be all that there is to see.
# fmt: off
# ruff: noqa: D401, D403


@triton.jit
def adjusted(raw, offsets, column, inside, soft_cap, scale):
    """The logits as the curve sees them, but for the label's margin."""
    z = raw
    if soft_cap is not None:
        # A mask stays a mask, and +∞ an error.
        z = tl.where(tl.abs(raw) == float("inf"), raw, soft_cap * tanh(raw / soft_cap))
    z = z * scale
    if offsets is not None:
        z += tl.load(offsets + column, mask=inside, other=0.0)
    return z


@triton.jit
def logits_of(z_row, z_c, column, counted, classes, offsets, soft_cap, scale):
    """A tile of logits as they are, as the curve sees them, and where there are any."""
    inside = counted[:, None] & (column < classes)[None, :]
    raw = tl.load(z_row[:, None] + column[None, :] * z_c, mask=inside, other=-float("inf"))
    raw = raw.to(tl.float32)
    return raw, adjusted(raw, offsets, column[None, :], inside, soft_cap, scale), inside


@triton.jit
def pulled_back(gradient, raw, soft_cap, scale):
    """From the gradient of adjusted logits to that of the logits."""
    gradient = gradient * scale
    if soft_cap is not None:
        # 1 − tanh² would cancel where the cap bites.
        e = tl.exp(-2.0 * tl.abs(raw) / soft_cap)
        gradient = gradient * (4.0 * e / ((1.0 + e) * (1.0 + e)))
    return gradient


@triton.jit
def write(gradient, g, g_row, g_c, column, raw, live, counted, classes, soft_cap, scale):
    """The gradient g of a tile of adjusted logits to its place; 0 for rows that are ignored."""
    g = tl.where(counted[:, None], pulled_back(g, raw, soft_cap, scale), 0.0)
    written = live[:, None] & (column < classes)[None, :]
    to = g_row[:, None] + column[None, :] * g_c
    tl.store(to, g.to(gradient.dtype.element_ty), mask=written)


@triton.jit
def finite(x):
    """x, or 0 for −∞: what is subtracted before an exponential."""
    return tl.where(x == -float("inf"), 0.0, x)


@triton.jit
def ratio(x, total):
    """x/total, 0 where there is nothing to divide (and NaN where x is)."""
    return tl.where(total == 0.0, x * 0.0, x / tl.where(total == 0.0, 1.0, total))


@triton.jit
def sums_of(e, BASE: tl.constexpr):
    """Σ e of each row, and Σ e² for the one curve that looks at it."""
    total = tl.sum(e, axis=1)
    squares = total
    if BASE == "deft":
        squares = tl.sum(e * e, axis=1)
    return total, squares


@triton.jit
def joined(most, total, squares, other_most, other_total, other_squares):
    """Two sums of exponentials, each against its own largest logit, as one."""
    larger = tl.maximum(most, other_most)
    a = tl.exp(most - finite(larger))
    b = tl.exp(other_most - finite(larger))
    return larger, total * a + other_total * b, squares * a * a + other_squares * b * b


@triton.jit
def log_odds(own, most, total):
    """u of the class that is singled out; NaN where a row is no distribution."""
    # own − m first: both are large where logits are, and their difference is exact.
    u = tl.where(total == 0.0, own - most, (own - most) - tl.log(total))
    return tl.where(own == float("inf"), float("nan"), u)


@triton.jit
def log_sum_exp(own, ln_p, most, total):
    """That of all classes, given the one singled out."""
    return tl.where(ln_p == -float("inf"), most + tl.log(total), own - ln_p)


@triton.jit
def curve(
    p, q, ln_p, ln_q, squares,
    base_a, base_b, base_c, bonus_a, bonus_b, bonus_c, bonus_d, rho, start, end, origin,
    BASE: tl.constexpr, BONUS: tl.constexpr,
):
    """Loss and steepness."""
    value, steepness = base_of(BASE, base_a, base_b, base_c, p, q, ln_p, ln_q, squares)
    if BONUS is not None:
        more, steeper = bonus_of(
            BONUS, bonus_a, bonus_b, bonus_c, bonus_d, rho, start, end, origin, p, q, ln_p, ln_q
        )
        value += more
        steepness += steeper
    return value, steepness


@triton.jit
def hard(
    logits, gradient, targets, losses,
    class_weights, sample_weights, reduction, offsets, margins,
    rows, classes, inner, ignore_index,
    z_n, z_i, z_c, g_n, g_i, g_c,
    soft_cap, scale, z_loss,
    base_a, base_b, base_c, bonus_a, bonus_b, bonus_c, bonus_d, rho, start, end, origin,
    BASE: tl.constexpr, BONUS: tl.constexpr,
    ROWS: tl.constexpr, BLOCK: tl.constexpr, BLOCKS: tl.constexpr, EIGHTS: tl.constexpr,
):
    """One label a row. `gradient`, weights, offsets and margins may be None."""
    if EIGHTS:
        classes, z_n, g_n = classes * 8, z_n * 8, g_n * 8
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    live = row < rows
    target = tl.load(targets + row, mask=live, other=ignore_index)
    counted = live & (target != ignore_index)
    known = (target >= 0) & (target < classes)
    label = tl.where(known, target, 0).to(tl.int32)
    z_row = logits + (row // inner) * z_n + (row % inner) * z_i

    if BLOCKS == 1:
        column = tl.arange(0, BLOCK)
        raw, z, _ = logits_of(
            z_row, z_c, column, counted, classes, offsets, soft_cap, scale
        )
        is_label = column[None, :] == label[:, None]
        own = tl.sum(tl.where(is_label, z, 0.0), axis=1)
        rest = tl.where(is_label, -float("inf"), z)
        most = tl.max(rest, axis=1)
        e = tl.exp(rest - finite(most)[:, None])
        total, squares = sums_of(e, BASE)
    else:
        most = tl.full([ROWS], -float("inf"), tl.float32)
        own = tl.zeros([ROWS], tl.float32)
        total = tl.zeros([ROWS], tl.float32)
        squares = tl.zeros([ROWS], tl.float32)
        for block in range(BLOCKS):
            column = block * BLOCK + tl.arange(0, BLOCK)
            raw, z, _ = logits_of(
                z_row, z_c, column, counted, classes, offsets, soft_cap, scale
            )
            is_label = column[None, :] == label[:, None]
            own += tl.sum(tl.where(is_label, z, 0.0), axis=1)
            rest = tl.where(is_label, -float("inf"), z)
            largest = tl.max(rest, axis=1)
            e = tl.exp(rest - finite(largest)[:, None])
            sums, of_squares = sums_of(e, BASE)
            most, total, squares = joined(most, total, squares, largest, sums, of_squares)

    if margins is not None:
        own -= tl.load(margins + label, mask=counted, other=0.0)
    u = log_odds(own, most, total)
    p, q, ln_p, ln_q = odds(u)
    of_all = p * p + q * q * ratio(squares, total * total)
    value, steepness = curve(
        p, q, ln_p, ln_q, of_all,
        base_a, base_b, base_c, bonus_a, bonus_b, bonus_c, bonus_d, rho, start, end, origin,
        BASE, BONUS,
    )
    weight = tl.where(known, 1.0, float("nan"))
    if class_weights is not None:
        weight *= tl.load(class_weights + label, mask=counted, other=0.0)
    if sample_weights is not None:
        weight *= tl.load(sample_weights + row, mask=counted, other=0.0)
    lse = log_sum_exp(own, ln_p, most, total)
    loss = weight * (value + z_loss * lse * lse)
    tl.store(losses + row, tl.where(counted, loss, 0.0), mask=live)

    if gradient is not None:
        weight *= tl.load(reduction)
        z_term = 2.0 * z_loss * lse
        of_others = weight * ratio(steepness + z_term * q, total)
        of_label = weight * (z_term * p - steepness)
        g_row = gradient + (row // inner) * g_n + (row % inner) * g_i
        for block in range(BLOCKS):
            if BLOCKS > 1:
                column = block * BLOCK + tl.arange(0, BLOCK)
                raw, z, _ = logits_of(
                    z_row, z_c, column, counted, classes, offsets, soft_cap, scale
                )
                is_label = column[None, :] == label[:, None]
                e = tl.exp(z - finite(most)[:, None])
            g = tl.where(is_label, of_label[:, None], e * of_others[:, None])
            write(gradient, g, g_row, g_c, column, raw, live, counted, classes, soft_cap, scale)


@triton.jit
def weighted_targets(
    SOFT: tl.constexpr, column, inside, label, t_row, t_c, class_weights, classes, smooth,
):
    """The smoothed targets of a tile, each times its class's weight, and which of them are none."""
    if SOFT:
        given = tl.load(t_row[:, None] + column[None, :] * t_c, mask=inside, other=0.0)
        given = given.to(tl.float32)
        wrong = tl.max(((given >= 0.0) & (given < float("inf"))).to(tl.int32) ^ 1, axis=1)
    else:
        given = tl.where(column[None, :] == label[:, None], 1.0, 0.0)
        wrong = label * 0
    t = given * (1.0 - smooth) + smooth / classes
    if class_weights is not None:
        t *= tl.load(class_weights + column[None, :], mask=inside, other=0.0)
    return tl.where(inside, t, 0.0), wrong


@triton.jit
def minor_classes(
    z, t, p, top, ln_top, squares,
    base_a, base_b, base_c, bonus_a, bonus_b, bonus_c, bonus_d, rho, start, end, origin,
    BASE: tl.constexpr, BONUS: tl.constexpr,
):
    """t·ℓ(p) and t·w of classes with p ≤ 1/2, so that 1 − p is exact enough."""
    q = 1.0 - p
    value, steepness = curve(
        p, q, (z - top) + ln_top, log1p(-p), squares,
        base_a, base_b, base_c, bonus_a, bonus_b, bonus_c, bonus_d, rho, start, end, origin,
        BASE, BONUS,
    )
    # 0·∞ where a masked class has no target either.
    return tl.where(t == 0.0, 0.0, t * value), t * steepness / q


@triton.jit
def soft(
    logits, gradient, targets, losses,
    class_weights, sample_weights, reduction, offsets,
    rows, classes, inner, ignore_index,
    z_n, z_i, z_c, g_n, g_i, g_c, t_n, t_i, t_c,
    soft_cap, scale, smooth, z_loss,
    base_a, base_b, base_c, bonus_a, bonus_b, bonus_c, bonus_d, rho, start, end, origin,
    BASE: tl.constexpr, BONUS: tl.constexpr, LABELS: tl.constexpr,
    ROWS: tl.constexpr, BLOCK: tl.constexpr, BLOCKS: tl.constexpr, EIGHTS: tl.constexpr,
):
    """A weight for every class: `targets` are labels to be smoothed (``LABELS``) or (N, C, …)."""
    if EIGHTS:
        classes, z_n, g_n = classes * 8, z_n * 8, g_n * 8
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    live = row < rows
    if LABELS:
        target = tl.load(targets + row, mask=live, other=ignore_index)
        counted = live & (target != ignore_index)
        known = (target >= 0) & (target < classes)
        label = tl.where(known, target, 0).to(tl.int32)
        t_row = row
    else:
        counted = live
        known = live
        label = tl.zeros([ROWS], tl.int32)
        t_row = targets + (row // inner) * t_n + (row % inner) * t_i
    z_row = logits + (row // inner) * z_n + (row % inner) * z_i

    # The softmax, the likeliest class singled out.
    if BLOCKS == 1:
        column = tl.arange(0, BLOCK)
        raw, z, inside = logits_of(
            z_row, z_c, column, counted, classes, offsets, soft_cap, scale
        )
        top = tl.max(z, axis=1)
        at = tl.min(tl.where(z == top[:, None], column[None, :], classes), axis=1)
        rest = tl.where(column[None, :] == at[:, None], -float("inf"), z)
        most = tl.max(rest, axis=1)
        e = tl.exp(rest - finite(most)[:, None])
        total, squares = sums_of(e, BASE)
    else:
        top = tl.full([ROWS], -float("inf"), tl.float32)
        most = tl.full([ROWS], -float("inf"), tl.float32)
        at = tl.zeros([ROWS], tl.int32)
        total = tl.zeros([ROWS], tl.float32)
        squares = tl.zeros([ROWS], tl.float32)
        for block in range(BLOCKS):
            column = block * BLOCK + tl.arange(0, BLOCK)
            raw, z, inside = logits_of(
                z_row, z_c, column, counted, classes, offsets, soft_cap, scale
            )
            largest = tl.max(z, axis=1)
            here = tl.min(tl.where(z == largest[:, None], column[None, :], classes), axis=1)
            rest = tl.where(column[None, :] == here[:, None], -float("inf"), z)
            second = tl.max(rest, axis=1)
            e = tl.exp(rest - finite(second)[:, None])
            sums, of_squares = sums_of(e, BASE)
            most, total, squares = joined(most, total, squares, second, sums, of_squares)
            # Of the likeliest so far and the block's, one joins the others.
            lesser = tl.minimum(top, largest)
            one = tl.where(lesser == -float("inf"), 0.0, 1.0)
            most, total, squares = joined(most, total, squares, lesser, one, one)
            at = tl.where(largest > top, here, at)
            top = tl.maximum(top, largest)

    u = log_odds(top, most, total)
    p, q, ln_p, ln_q = odds(u)
    of_all = p * p + q * q * ratio(squares, total * total)
    factor = ratio(q, total)

    # Σ t_k·ℓ(p_k) and Σ t_k·w_k over the others.
    if BLOCKS == 1:
        t, wrong = weighted_targets(
            not LABELS, column, inside, label, t_row, t_c, class_weights, classes, smooth
        )
        is_top = column[None, :] == at[:, None]
        all_targets = tl.sum(t, axis=1)
        top_target = tl.sum(tl.where(is_top, t, 0.0), axis=1)
        t = tl.where(is_top, 0.0, t)
        values, weights = minor_classes(
            z, t, e * factor[:, None], top[:, None], ln_p[:, None], of_all[:, None],
            base_a, base_b, base_c, bonus_a, bonus_b, bonus_c, bonus_d, rho, start, end, origin,
            BASE, BONUS,
        )
        value = tl.sum(values, axis=1)
        pull = tl.sum(weights, axis=1)
    else:
        wrong = tl.zeros([ROWS], tl.int32)
        all_targets = tl.zeros([ROWS], tl.float32)
        top_target = tl.zeros([ROWS], tl.float32)
        value = tl.zeros([ROWS], tl.float32)
        pull = tl.zeros([ROWS], tl.float32)
        for block in range(BLOCKS):
            column = block * BLOCK + tl.arange(0, BLOCK)
            raw, z, inside = logits_of(
                z_row, z_c, column, counted, classes, offsets, soft_cap, scale
            )
            t, bad = weighted_targets(
                not LABELS, column, inside, label, t_row, t_c, class_weights, classes, smooth
            )
            wrong = tl.maximum(wrong, bad)
            is_top = column[None, :] == at[:, None]
            all_targets += tl.sum(t, axis=1)
            top_target += tl.sum(tl.where(is_top, t, 0.0), axis=1)
            t = tl.where(is_top, 0.0, t)
            rest = tl.where(is_top, -float("inf"), z)
            e = tl.exp(rest - finite(most)[:, None])
            values, weights = minor_classes(
                z, t, e * factor[:, None], top[:, None], ln_p[:, None], of_all[:, None],
                base_a, base_b, base_c, bonus_a, bonus_b, bonus_c, bonus_d,
                rho, start, end, origin, BASE, BONUS,
            )
            value += tl.sum(values, axis=1)
            pull += tl.sum(weights, axis=1)

    top_value, top_steepness = curve(
        p, q, ln_p, ln_q, of_all,
        base_a, base_b, base_c, bonus_a, bonus_b, bonus_c, bonus_d, rho, start, end, origin,
        BASE, BONUS,
    )
    value += tl.where(top_target == 0.0, 0.0, top_target * top_value)
    top_pull = top_target * top_steepness
    # NaN where p is, even if no target asks for it.
    weight = tl.where(known & (wrong == 0), 1.0, float("nan")) + p * 0.0
    if sample_weights is not None:
        weight *= tl.load(sample_weights + row, mask=counted, other=0.0)
    lse = log_sum_exp(top, ln_p, most, total)
    z_weight = z_loss * lse
    if class_weights is not None:
        # As a hard row's, whose class weight multiplies all of it.
        z_weight *= all_targets
    loss = weight * (value + z_weight * lse)
    tl.store(losses + row, tl.where(counted, loss, 0.0), mask=live)

    if gradient is not None:
        weight *= tl.load(reduction)
        of_others = weight * ratio(q * (pull + 2.0 * z_weight) + top_pull, total)
        of_top = weight * (p * (pull + 2.0 * z_weight) - top_pull)
        g_row = gradient + (row // inner) * g_n + (row % inner) * g_i
        for block in range(BLOCKS):
            if BLOCKS > 1:
                column = block * BLOCK + tl.arange(0, BLOCK)
                raw, z, inside = logits_of(
                    z_row, z_c, column, counted, classes, offsets, soft_cap, scale
                )
                t, bad = weighted_targets(
                    not LABELS, column, inside, label, t_row, t_c, class_weights, classes, smooth
                )
                is_top = column[None, :] == at[:, None]
                t = tl.where(is_top, 0.0, t)
                e = tl.exp(tl.where(is_top, -float("inf"), z) - finite(most)[:, None])
                values, weights = minor_classes(
                    z, t, e * factor[:, None], top[:, None], ln_p[:, None], of_all[:, None],
                    base_a, base_b, base_c, bonus_a, bonus_b, bonus_c, bonus_d,
                    rho, start, end, origin, BASE, BONUS,
                )
            g = e * of_others[:, None] - weights * weight[:, None]
            g = tl.where(is_top, of_top[:, None], g)
            write(gradient, g, g_row, g_c, column, raw, live, counted, classes, soft_cap, scale)

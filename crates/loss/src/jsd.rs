//! The JSD form (AugMix; timm's `JsdCrossEntropy`): the loss on the clean third of a batch plus α
//! times the Jensen-Shannon divergence of the three views' probabilities.
//!
//! The batch is three equal parts, the clean images and two augmented views of each. With p₁, p₂, p₃
//! the softmax of a row of each and m their mean, clamped to \[1e-7, 1\], the consistency term is
//! α/3·Σᵢ KL(pᵢ ‖ m) = α/3·Σᵢ Σ_k p_ik·(ln p_ik − ln m_k), mean over rows. Its gradient with respect
//! to p_ik is (ln p_ik − ln m_k + 1) − Σ_j p_jk/(3·m_k), the last being 1 where m is not clamped.

use crate::criterion::{Batch, Criterion, Outcome, Reduction};
use crate::element::Element;
use crate::error::{Error, Result};
use crate::real::Real;
use crate::rows::{Buffers, Targets, bad_logit};

const VIEWS: usize = 3;
const CLAMP: f64 = 1e-7;

pub(crate) fn compute<E: Element>(
    criterion: &mut Criterion,
    alpha: f64,
    mut buffers: Buffers<'_, E>,
    batch: Batch<'_, E>,
    rows: usize,
    training: bool,
) -> Result<Outcome> {
    let classes = criterion.classes();
    if !rows.is_multiple_of(VIEWS) {
        return Err(Error::Shape(format!("jsd needs three views of each image, not {rows} rows")));
    }
    let (part, size) = (rows / VIEWS, rows / VIEWS * classes);
    let logits = buffers.logits().to_vec();
    let clean = Batch {
        targets: match batch.targets {
            Targets::Hard(targets) => Targets::Hard(&targets[..part]),
            Targets::Soft(targets) => Targets::Soft(&targets[..size]),
        },
        sample_weights: batch.sample_weights.map(|weights| &weights[..part]),
        inner: 1,
    };
    let mut plain = criterion.without_jsd();
    let mut outcome = match buffers.gradient() {
        None => plain.forward(&logits[..size], clean)?,
        Some(gradient) => {
            gradient[size..].fill(E::default());
            plain.forward_backward(&logits[..size], clean, &mut gradient[..size])?
        }
    };
    if training {
        criterion.set_state(plain.state());
    }
    let scale = match criterion.reduces_to() {
        Reduction::Mean if part > 0 => alpha / (VIEWS * part) as f64,
        Reduction::Mean => 0.0,
        Reduction::Sum | Reduction::None => alpha / VIEWS as f64,
    };
    for row in 0..part {
        let of_view = |view: usize| view * size + row * classes..view * size + (row + 1) * classes;
        let logs: Vec<Vec<f64>> = (0..VIEWS)
            .map(|view| log_softmax(view * part + row, &logits[of_view(view)]))
            .collect::<Result<_>>()?;
        let mean = |k: usize| logs.iter().map(|log| log[k].exp()).sum::<f64>() / VIEWS as f64;
        let mixture: Vec<f64> = (0..classes).map(mean).collect();
        let mut divergence = 0.0;
        for (view, log) in logs.iter().enumerate() {
            let p: Vec<f64> = log.iter().map(|ln_p| ln_p.exp()).collect();
            let terms = p.iter().zip(log).zip(&mixture).map(|((p, ln_p), m)| {
                let gap = if *p == 0.0 { 0.0 } else { ln_p - m.max(CLAMP).ln() };
                (p * gap, gap + 1.0 - if *m > CLAMP { 1.0 } else { 0.0 })
            });
            let (values, slopes): (Vec<f64>, Vec<f64>) = terms.unzip();
            divergence += values.iter().sum::<f64>();
            let Some(gradient) = buffers.gradient() else { continue };
            let mean: f64 = p.iter().zip(&slopes).map(|(p, slope)| p * slope).sum();
            for ((g, p), slope) in gradient[of_view(view)].iter_mut().zip(&p).zip(&slopes) {
                let more = E::Real::of(scale * p * (slope - mean));
                *g = E::store(g.load() + more);
            }
        }
        outcome.loss += scale * divergence;
        if let Some(record) = outcome.rows.get_mut(row) {
            record.loss += alpha / VIEWS as f64 * divergence;
        }
    }
    Ok(outcome)
}

fn log_softmax<E: Element>(row: usize, logits: &[E]) -> Result<Vec<f64>> {
    let wide: Vec<f64> = logits.iter().map(|z| z.wide()).collect();
    let max = wide.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let lse = max + wide.iter().map(|z| (z - max).exp()).sum::<f64>().ln();
    if !lse.is_finite() {
        return Err(bad_logit(row, logits));
    }
    Ok(wide.iter().map(|z| z - lse).collect())
}

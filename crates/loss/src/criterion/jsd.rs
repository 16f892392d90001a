//! The JSD form (AugMix; timm's `JsdCrossEntropy`): the loss on the clean third of a batch plus α
//! times the Jensen-Shannon divergence of the three views' probabilities.
//!
//! The batch is three equal parts, the clean images and two augmented views of each. With p₁, p₂, p₃
//! the softmax of a row of each and m their mean, clamped to \[1e-7, 1\], the consistency term is
//! α/3·Σᵢ KL(pᵢ ‖ m) = α/3·Σᵢ Σ_k p_ik·(ln p_ik − ln m_k), mean over rows. Its gradient with respect
//! to p_ik is (ln p_ik − ln m_k + 1) − Σ_j p_jk/(3·m_k), the last being 1 where m is not clamped.

use super::{Batch, Criterion, Pass, Reduction};
use crate::element::Element;
use crate::error::{Error, Result};
use crate::real::Real;
use crate::rows::{Buffers, Row, bad_logit};

pub(super) const VIEWS: usize = 3;
const CLAMP: f64 = 1e-7;

/// The consistency term of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Divergence {
    /// α/3: multiplies the divergence in a row's own loss.
    weight: f64,
    /// Multiplies it in the reduced loss and the gradient.
    scale: f64,
}

impl Divergence {
    pub fn new(alpha: f64, rows: usize, reduction: Reduction) -> Result<Self> {
        if !rows.is_multiple_of(VIEWS) {
            return Err(Error::Shape(format!(
                "jsd needs three views of each image, not {rows} rows"
            )));
        }
        let weight = alpha / VIEWS as f64;
        let scale = match reduction {
            Reduction::Mean if rows > 0 => weight / (rows / VIEWS) as f64,
            Reduction::Mean => 0.0,
            Reduction::Sum | Reduction::None => weight,
        };
        Ok(Self { weight, scale })
    }

    /// As [`Criterion::run`]: `buffers` hold the three views one after the other, `rows` are the
    /// clean ones.
    pub fn run<E: Element>(
        &self,
        criterion: &Criterion,
        pass: &Pass,
        mut buffers: Buffers<'_, E>,
        batch: Batch<'_, E>,
        rows: &mut [Row],
    ) -> Result<f64> {
        let classes = criterion.classes();
        let (part, size) = (rows.len(), rows.len() * classes);
        let logits = buffers.logits().to_vec();
        let clean = batch.first(part, classes);
        let of_clean = match buffers.gradient() {
            None => Buffers::Forward(&logits[..size]),
            Some(gradient) => {
                gradient[size..].fill(E::default());
                Buffers::Both(&logits[..size], &mut gradient[..size])
            }
        };
        let mut loss = criterion.run_terms(pass, of_clean, clean, rows)?;
        for (row, record) in rows.iter_mut().enumerate() {
            let of_view =
                |view: usize| view * size + row * classes..view * size + (row + 1) * classes;
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
                    let more = E::Real::of(self.scale * p * (slope - mean));
                    *g = E::store(g.load() + more);
                }
            }
            loss += self.scale * divergence;
            record.loss += self.weight * divergence;
        }
        Ok(loss)
    }
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

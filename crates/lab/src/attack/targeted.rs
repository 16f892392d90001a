//! Targeted attacks: towards one wrong class after the other, the most probable first.

use tch::Tensor;

use super::{Clean, Model, pick, positions, wrong};
use crate::{Error, Result};

/// Runs `attack` without a target where there are to be none. Otherwise towards each of the `targets`
/// wrong classes with the largest logits of the clean inputs, on those that stand, and keeps the first
/// move that makes the model wrong; where none does, the last one.
///
/// `attack` gets the examples and their target classes (N,).
///
/// # Errors
/// More targets than wrong classes; what the attack or the model refuses.
pub fn aimed(
    model: &Model,
    clean: &Clean,
    targets: usize,
    attack: &dyn Fn(&Clean, Option<&Tensor>) -> Result<Tensor>,
) -> Result<Tensor> {
    if targets == 0 {
        return attack(clean, None);
    }
    let logits = tch::no_grad(|| model(clean.inputs))?;
    let classes = logits.size()[1];
    if targets as i64 >= classes {
        return Err(Error::Request(format!(
            "targets = {targets}, but of {classes} classes {} are wrong",
            classes - 1
        )));
    }
    let without = logits.f_scatter_value(1, &clean.labels.f_unsqueeze(1)?, f64::NEG_INFINITY)?;
    let (_, ranked) = without.f_topk(targets as i64, 1, true, true)?;
    let moved = clean.inputs.copy();
    let mut standing = Tensor::f_arange(moved.size()[0], (tch::Kind::Int64, moved.device()))?;
    for rank in 0..targets as i64 {
        if standing.numel() == 0 {
            break;
        }
        let inputs = clean.inputs.f_index_select(0, &standing)?;
        let labels = clean.labels.f_index_select(0, &standing)?;
        let numbers = pick(clean.numbers, &standing)?;
        let rest = Clean { inputs: &inputs, labels: &labels, numbers: &numbers, seed: clean.seed };
        let goals = ranked.f_select(1, rank)?.f_index_select(0, &standing)?;
        let found = attack(&rest, Some(&goals))?;
        let _ = moved.shallow_clone().f_index_copy_(0, &standing, &found)?;
        let fell = tch::no_grad(|| wrong(&model(&found)?, &labels))?;
        standing = standing.f_index_select(0, &positions(&fell.f_logical_not()?)?)?;
    }
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::tests::{attacked, bent, keeps_the_rules, points};
    use crate::attack::{Attack, Pgd};

    fn falls(attack: &dyn Attack) -> i64 {
        let (inputs, labels) = points();
        let moved = attacked(attack, &bent(), &inputs, &labels, 0.12, 0);
        wrong(&bent()(&moved).unwrap(), &labels).unwrap().sum(None).int64_value(&[])
    }

    #[test]
    fn two_targets_do_no_less_than_one() {
        let one = Pgd { targets: 1, ..Pgd::default() };
        let two = Pgd { targets: 2, ..Pgd::default() };
        keeps_the_rules(&two);
        assert!(falls(&two) >= falls(&one) && falls(&one) > 0);
        let (inputs, labels) = points();
        let numbers: Vec<usize> = (0..20).collect();
        let clean = Clean { inputs: &inputs, labels: &labels, numbers: &numbers, seed: 0 };
        let error = Pgd { targets: 3, ..Pgd::default() }.perturb(&bent(), &clean, 0.1);
        let error = error.unwrap_err().to_string();
        assert_eq!(error, "targets = 3, but of 3 classes 2 are wrong");
    }
}

//! The summary for people: one aligned line a number.

use steepness_compare::measure::{
    Binary, Calibration, Card, Detection, Groups, OodSummary, Representation, ScaledCalibration,
    Summary,
};

/// Lines of a name and a number; a number that does not exist is a word instead.
struct List(String);

impl List {
    fn number(&mut self, name: &str, value: f64) {
        self.0 += &format!("{name:<34}{value:>14.6}\n");
    }

    fn perhaps(&mut self, name: &str, value: Option<f64>, none: &str) {
        match value {
            Some(value) => self.number(name, value),
            None => self.0 += &format!("{name:<34}{none:>14}\n"),
        }
    }
}

/// All of it.
pub fn list(summary: &Summary) -> String {
    let mut list = List(String::new());
    for (name, value) in [
        ("accuracy", summary.accuracy),
        ("nll", summary.nll),
        ("ece", summary.ece),
        ("margin_mean", summary.margin_mean),
        ("margin_median", summary.margin_median),
        ("margin_lse_mean", summary.margin_lse_mean),
        ("margin_legacy_mean", summary.margin_legacy_mean),
        ("energy_mean", summary.energy_mean),
        ("energy_rival_mean", summary.energy_rival_mean),
    ] {
        list.number(name, value);
    }
    list.perhaps("energy_gap_mean", summary.energy_gap_mean, "undefined");
    calibration(&mut list, "calibration", &summary.calibration);
    if let Some(ScaledCalibration { temperature, calibration: after }) = &summary.recalibrated {
        list.number("recalibrated.temperature", *temperature);
        calibration(&mut list, "recalibrated", after);
    }
    list.number("balance.macro_f1", summary.balance.macro_f1);
    list.number("balance.balanced_accuracy", summary.balance.balanced_accuracy);
    if let Some(Binary { auroc, average_precision: [zero, one] }) = summary.binary {
        list.number("binary.auroc", auroc);
        list.number("binary.average_precision, class 0", zero);
        list.number("binary.average_precision, class 1", one);
    }
    if let Some(summary) = &summary.ood {
        ood(&mut list, summary);
    }
    if let Some(Groups { many, medium, few }) = summary.groups {
        list.perhaps("groups.many", many, "no class");
        list.perhaps("groups.medium", medium, "no class");
        list.perhaps("groups.few", few, "no class");
    }
    if let Some(summary) = &summary.representation {
        representation(&mut list, summary);
    }
    if let Some(transfer) = &summary.transfer {
        list.number("transfer.accuracy", transfer.accuracy);
        list.number("transfer.train_accuracy", transfer.train_accuracy);
    }
    let numbers = Card::all().filter_map(|card| Some((card.key, summary.numbers.get(card.key)?)));
    numbers.for_each(|(name, value)| list.number(name, *value));
    let mut text = list.0;
    if let Some(ood) = &summary.ood {
        text += &format!(
            "ood: {} examples against {}; positive class: {}\n",
            summary.examples, ood.examples, ood.positive
        );
    }
    text
}

fn calibration(list: &mut List, prefix: &str, calibration: &Calibration) {
    for (name, value) in [
        ("nll", calibration.nll),
        ("brier", calibration.brier),
        ("ece", calibration.ece),
        ("ece_equal_mass", calibration.ece_equal_mass),
        ("mce", calibration.mce),
        ("ece_classwise", calibration.ece_classwise),
    ] {
        list.number(&format!("{prefix}.{name}"), value);
    }
}

fn ood(list: &mut List, ood: &OodSummary) {
    for (score, Detection { auroc, fpr95, aupr_in, aupr_out }) in ood.scores() {
        for (name, value) in
            [("auroc", auroc), ("fpr95", fpr95), ("aupr_in", aupr_in), ("aupr_out", aupr_out)]
        {
            list.number(&format!("ood.{score}.{name}"), value);
        }
    }
}

fn representation(list: &mut List, representation: &Representation) {
    let separation = representation.class_separation;
    list.perhaps("representation.class_separation", separation, "undefined");
    list.number("representation.knn_cosine", representation.knn_cosine);
    list.number("representation.knn_euclidean", representation.knn_euclidean);
    if let Some(probe) = &representation.probe {
        list.number("representation.probe.accuracy", probe.accuracy);
        list.number("representation.probe.train_accuracy", probe.train_accuracy);
    }
    for (axis, share) in representation.pca_explained.iter().enumerate() {
        list.number(&format!("representation.pca_explained.{axis}"), *share);
    }
}

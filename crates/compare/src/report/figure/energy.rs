//! The conditional energy profile of one class (the paper's Figures 1 and 5), and of every class the
//! gap between its own energy and the next.

use super::{Card, Figure, legend, seeds};
use crate::measure::{energy_gaps, mean};
use crate::report::axis::Axis;
use crate::report::chart::{Mark, Panel, Shape};
use crate::{Comparison, Group, Run};

/// See [`figure`].
pub const CARD: Card = Card { name: "energy", draw: |comparison, _| figure(comparison) };

/// Class 3, as in the paper ("cat" of CIFAR-10): fixed, not picked for its looks.
const CLASS: usize = 3;
/// Classes shown, those of the lowest energy.
const MOST: usize = 12;
/// Characters of a class name.
const NAME: usize = 12;

/// The figure; `None` where no class has a profile in every loss.
fn figure(comparison: &Comparison) -> Option<Figure> {
    let classes = comparison.classes.len();
    let (class, profiles) = std::iter::once(CLASS).chain(0..classes).find_map(|class| {
        let profiles = comparison.groups.iter().map(|group| profile(group, class, classes));
        Some((class, profiles.collect::<Option<Vec<_>>>()?))
    })?;

    let mut order: Vec<usize> = (0..classes).collect();
    order.sort_by(|&a, &b| profiles.first().map_or(a.cmp(&b), |p| p[a].total_cmp(&p[b])));
    order.truncate(MOST);
    let marks = profiles.iter().enumerate().flat_map(|(series, profile)| {
        let points: Vec<_> =
            order.iter().enumerate().map(|(at, k)| (at as f64, profile[*k])).collect();
        let dots = points.iter().map(|&(x, y)| (x, y, 3.0)).collect();
        [Shape::Line(points), Shape::Dots(dots)].map(|shape| Mark { series, shape })
    });
    let values = profiles.iter().flat_map(|profile| order.iter().map(|k| profile[*k]));
    let names = order.iter().enumerate();
    let names = names.map(|(at, k)| (at as f64, super::shortened(&comparison.classes[*k], NAME)));
    let all = if order.len() < classes { format!(" (the lowest {MOST})") } else { String::new() };
    Some(Figure {
        name: CARD.name.to_owned(),
        title: format!(
            "Energies of the class “{}”",
            super::shortened(&comparison.classes[class], NAME)
        ),
        caption: format!(
            "The conditional energy −z that test examples of class “{}” have for each class{all}, \
             in the order of increasing energy under {}; {} (Figure 5 of the paper; class number \
             {class}, as there). The example's own class should be the lowest; the wider the step \
             from it to the next, the clearer the decision. Right, that step for every class, with \
             the band of ±1 standard deviation over seeds.",
            comparison.classes[class],
            comparison.groups[0].setting,
            seeds::mean_only(&comparison.signature.seeds),
        ),
        legend: legend(comparison),
        panels: vec![
            Panel {
                title: "energy by class".to_owned(),
                x: Axis {
                    names: Some(names.collect()),
                    ..Axis::linear("", -0.4, order.len() as f64 - 0.6)
                },
                y: Axis::holding("energy −z", values),
                marks: marks.collect(),
            },
            gaps(comparison),
        ],
    })
}

/// Of every class, by its number: the step from its own mean energy to the lowest of the others.
fn gaps(comparison: &Comparison) -> Panel {
    let of_class = |run: &Run| -> Vec<(f64, f64)> {
        let gaps = energy_gaps(&run.measures.energy_profile).into_iter().enumerate();
        gaps.filter_map(|(class, gap)| Some((class as f64, gap?))).collect()
    };
    let groups = comparison.groups.iter().enumerate();
    let marks: Vec<Mark> = groups
        .flat_map(|(series, group)| {
            let runs: Vec<_> = group.runs.iter().map(of_class).collect();
            seeds::mean_and_band(series, &runs)
        })
        .collect();
    let values = marks.iter().flat_map(|mark| match &mark.shape {
        Shape::Line(points) => points.as_slice(),
        _ => &[],
    });
    let values: Vec<f64> = values.map(|point| point.1).chain([0.0]).collect();
    Panel {
        title: "gap to the next energy".to_owned(),
        x: super::confusion::axis("class", &comparison.classes, false),
        y: Axis::holding("energy of the next − own", values),
        marks,
    }
}

/// The class's energies, mean over the seeds that have its profile; a value that is not finite in
/// one of them is not finite here, and not drawn.
fn profile(group: &Group, class: usize, classes: usize) -> Option<Vec<f64>> {
    let of_run = |run: &Run| {
        let profile = run.measures.energy_profile.get(class)?.clone()?;
        (profile.len() == classes).then_some(profile)
    };
    let profiles: Vec<Vec<f64>> = group.runs.iter().filter_map(of_run).collect();
    if profiles.is_empty() {
        return None;
    }
    (0..classes).map(|k| mean(&profiles.iter().map(|p| p[k]).collect::<Vec<_>>())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::shortened;
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_first_loss_has_its_energies_in_order() {
        let figure = figure(&sample::comparison(&["ce", "el(le=1)"], 2)).unwrap();
        let Shape::Line(points) = &figure.panels[0].marks[0].shape else { panic!() };
        assert_eq!(points.len(), 10);
        assert!(points.windows(2).all(|pair| pair[0].1 <= pair[1].1));
        let names = figure.panels[0].x.names.as_ref().unwrap();
        assert_eq!(names[0].1, "three");
        let names = figure.panels[1].x.ticks();
        assert_eq!((names.len(), &names[3]), (10, &(3.0, "three".to_owned())));
        let Shape::Line(gaps) = &figure.panels[1].marks[1].shape else { panic!() };
        let step = points[1].1 - points[0].1;
        assert_eq!((gaps.len(), figure.panels[1].marks.len()), (10, 2 * 2));
        assert!((gaps[CLASS].1 - step).abs() < 1e-9, "{gaps:?} {step}");
    }

    #[test]
    fn another_class_stands_in_for_one_without_examples() {
        let mut comparison = sample::comparison(&["ce"], 1);
        comparison.groups[0].runs[0].measures.energy_profile[CLASS] = None;
        assert!(figure(&comparison).unwrap().title.contains("zero"));
        comparison.groups[0].runs[0].measures.energy_profile.clear();
        assert!(figure(&comparison).is_none());
    }

    #[test]
    fn names_are_kept_short() {
        assert_eq!(shortened("automobile", NAME), "automobile");
        assert_eq!(shortened("ünïcödé-ünïcödé", NAME), "ünïcödé-ünï…");
    }
}

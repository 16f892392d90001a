//! Graphs in the text format of the TU Dortmund collection; [`tu`](crate::data::tu) reads it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::card::{Card, DataFormat, DataSettings, Watch, written};
use super::inspection::part;
use super::{DataRecipe, Format, a_tenth};
use crate::compare::Origin;
use crate::data::inaturalist::many_medium_few;
use crate::data::{
    Channel, DataPath, DataSet, Fractions, HeldOut, InputKind, Inputs, Inspection, LongTail, Size,
    Splitting, TableChoices, described, files, tu,
};
use crate::{Error, Result, Validate};

/// Graphs; see [`crate::data::tu`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuRecipe {
    /// The folder.
    pub path: DataPath,
    /// Whether numbers on the nodes are features beside their labels.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attributes: bool,
    /// How the parts are drawn.
    #[serde(default, skip_serializing_if = "Splitting::is_default")]
    pub split: Splitting,
    /// Share of the graphs that is held out for validation.
    #[serde(default = "a_tenth")]
    pub validation: f64,
    /// Share of the graphs that is held out for test.
    #[serde(default = "a_tenth")]
    pub test: f64,
    /// Makes the training part long-tailed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_tail: Option<LongTail>,
}

impl DataSettings for TuRecipe {
    fn paths(&mut self) -> Vec<(&'static str, &mut DataPath)> {
        vec![("data", &mut self.path)]
    }

    fn shares(&self) -> Fractions {
        Fractions { validation: self.validation, test: self.test }
    }
}

impl Validate for TuRecipe {
    fn validate(&self) -> Result<()> {
        let shares = self.shares();
        self.split.validate(shares)?;
        shares.validate()?;
        self.long_tail.validate()
    }
}

/// The format.
pub(super) struct Tu;

impl DataFormat for Tu {
    type Recipe = TuRecipe;

    const TITLE: &'static str = "graphs in the TU text format";
    const KIND: InputKind = InputKind::Graphs;
    const CARD: Option<Card> = Some(Card {
        sign: Some("NAME_graph_indicator.txt (graphs)"),
        is_in: |folder| Ok(tu::is_there(folder)),
        // One of several sets of graphs in a folder.
        is_file: |path| files::name(path).ends_with(tu::INDICATOR),
        ..Card::new(inspect)
    });

    fn load(recipe: &TuRecipe) -> Result<DataSet> {
        let path = recipe.path.resolve();
        let tu::Tu { examples, features, .. } = tu::Tu::load(&path, recipe.attributes)?;
        Ok(DataSet {
            long_tail: recipe.long_tail,
            nodes: Some(features),
            ..DataSet::new(
                described(&path, &examples, "graphs"),
                examples,
                HeldOut::Shares(recipe.shares(), recipe.split),
            )
        })
    }

    fn origins(recipe: &TuRecipe) -> Result<Vec<Origin>> {
        let path = recipe.path.resolve();
        let (folder, files) = tu::Tu::files(&path)?;
        Ok(vec![Origin::folder(path, folder, files)])
    }
}

fn inspect(path: &Path, _: &TableChoices, _: &Watch<'_>) -> Result<Inspection> {
    let tu::Tu { examples, features, unused } = tu::Tu::load(path, false)?;
    let Inputs::Graphs(graphs) = &examples.inputs else {
        return Err(Error::Work("a set of graphs without graphs".to_owned()));
    };
    let spread = |what: &str, counts: Vec<usize>| {
        let (least, most) = (counts.iter().min().unwrap_or(&0), counts.iter().max().unwrap_or(&0));
        let mean = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
        format!("{least} to {most} {what} a graph, {mean:.2} on average")
    };
    let mut notes = vec![
        spread("nodes", graphs.node_counts().collect()),
        spread("edges (one that leads both ways counts twice)", graphs.edge_counts().collect()),
    ];
    if !unused.is_empty() {
        notes.push(format!("not used: {}", unused.join(", ")));
    }
    let channel = |(name, (mean, std))| Channel { name, mean, std };
    let recipe = |path| TuRecipe {
        path,
        attributes: false,
        split: Splitting::default(),
        validation: a_tenth(),
        test: a_tenth(),
        long_tail: None,
    };
    Ok(Inspection {
        path: String::new(),
        format: Format::Tu,
        notes,
        parts: vec![part("training", examples.counts())],
        size: Size::flat(features.width()),
        channels: features.names().into_iter().zip(examples.moments()).map(channel).collect(),
        columns: Vec::new(),
        many_medium_few: many_medium_few(&examples.counts()),
        classes: examples.classes,
        recipe: written(path).ok().map(recipe).map(DataRecipe::Tu),
    })
}

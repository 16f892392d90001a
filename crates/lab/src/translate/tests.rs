//! The search beside fairseq's own, and beside a slow one that keeps nothing.
//!
//! The first lines of this are the reference in the tests of `models::transformer`, as far as `golden`;
//! the wheel of fairseq 0.10.2 is unpacked in `fairseq-0.10.2`:
//!
//! ```python
//! import importlib, sys, types
//!
//! # What the search needs of fairseq 0.10.2, whose wheel is unpacked in fairseq-0.10.2; the rest does not import.
//! for name in ("fairseq", "fairseq.utils", "fairseq.models", "fairseq.models.fairseq_encoder", "fairseq.data",
//!              "fairseq.data.data_utils"):
//!     sys.modules[name] = module = types.ModuleType(name)
//!     module.__path__ = ["fairseq-0.10.2/fairseq"]
//!     module.FairseqIncrementalDecoder = module.EncoderOut = type("Nothing", (), {})
//! for parent, child in ("fairseq", "utils"), ("fairseq.data", "data_utils"):
//!     setattr(sys.modules[parent], child, sys.modules[f"{parent}.{child}"])
//! generator = importlib.import_module("fairseq.sequence_generator")
//!
//! class Ensemble(generator.EnsembleModel):
//!     def __init__(self, net): super().__init__([net])
//!     def has_incremental_states(self): return False
//!     def max_decoder_positions(self): return 1024
//!     def forward_encoder(self, inputs):
//!         tokens = inputs["src_tokens"]
//!         return [self.single_model.run("encoder", tokens, tokens == 1), tokens == 1]
//!     def forward_decoder(self, tokens, encoded, states, temperature):
//!         x = self.single_model.run("decoder", tokens, encoded[1], encoded[0])
//!         return self.single_model.output(x[:, -1]).log_softmax(-1), None
//!     def reorder_encoder_out(self, encoded, order): return [x.index_select(0, order) for x in encoded]
//!     def reorder_incremental_state(self, states, order): pass
//!
//! class Dictionary:
//!     def __init__(self, size): self.size = size
//!     def __len__(self): return self.size
//!     def pad(self): return 1
//!     def eos(self): return 2
//!     def unk(self): return 3
//!
//! source = torch.tensor([[4, 7, 9, 12, 5, 2], [6, 10, 2, 1, 1, 1], [8, 11, 3, 2, 1, 1]])
//! for seed in 73, 134:
//!     net = golden("separate", False, f"{seed}/", sizes=(13, 23))
//!     for options in (dict(), dict(beam_size=1), dict(len_penalty=0.2), dict(len_penalty=2.0, beam_size=3, min_len=3),
//!                     dict(max_len_b=5), dict(unk_penalty=1.0, beam_size=2), dict(max_len_b=3, unk_penalty=math.inf)):
//!         options = dict(beam_size=4, max_len_b=12) | options
//!         search = generator.SequenceGenerator(Ensemble(net), Dictionary(23), **options)
//!         print(seed, options)
//!         for hypotheses in search._generate({"net_input": {"src_tokens": source}}):
//!             print("   ", [(h["tokens"].tolist()[:-1], round(h["score"].item(), 5)) for h in hypotheses[:2]])
//! ```

use super::*;
use crate::Stop;
use crate::data::text::{EOS, PAD, UNK};
use crate::models::{Mode, Model, Transformer, TransformerRecipe, Weights, golden_transformer};
use crate::random::Stream;
use tch::{Device, Kind, Tensor};

/// Tokens and score of the two best, for each of the three sentences.
type Expected = [&'static [(&'static [i64], f64)]; 3];

fn compare(seed: &str, options: SearchOptions, expected: Expected) {
    let (model, source) = golden_transformer("", seed, [13, 23]);
    let options = SearchOptions { nbest: options.beam.min(2), ..options };
    let found = search(&model, &source, &options, Stop::never()).unwrap();
    for (sentence, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found.len(), expected.len());
        for (found, (tokens, score)) in found.iter().zip(expected) {
            assert_eq!(found.tokens, *tokens, "{seed}, {options:?}, {sentence}");
            assert!((found.score - score).abs() < 2e-5, "{} is not {score}", found.score);
        }
    }
}

#[test]
fn it_finds_what_fairseq_finds() {
    compare(
        "73/",
        SearchOptions { beam: 4, max_len_b: 12, ..Default::default() },
        [
            &[(&[15, 15, 15, 15], -1.70274), (&[15, 15, 15], -1.70994)],
            &[
                (&[15, 6, 15, 15, 15, 15, 15, 15], -1.81361),
                (&[15, 6, 15, 15, 15, 15, 15], -1.81701),
            ],
            &[
                (&[16, 16, 15, 16, 16, 15, 16, 15, 16, 16, 15, 16], -1.60974),
                (&[16, 16, 15, 16, 15, 16, 16, 15, 16, 16, 15, 16], -1.60986),
            ],
        ],
    );
    compare(
        "73/",
        SearchOptions { beam: 1, max_len_b: 12, ..Default::default() },
        [
            &[(&[15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15], -1.68314)],
            &[(&[15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15], -1.88433)],
            &[(&[16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16], -1.68465)],
        ],
    );
    compare(
        "73/",
        SearchOptions { beam: 4, max_len_b: 12, lenpen: 0.2, ..Default::default() },
        [
            &[(&[15], -3.01335), (&[15, 15], -4.13938)],
            &[(&[15], -3.34857), (&[15, 6, 15, 15, 15, 15], -8.65094)],
            &[
                (&[16, 16, 15, 16, 16, 15, 16, 15, 16, 16, 15, 16], -12.52883),
                (&[16, 16, 15, 16, 15, 16, 16, 15, 16, 16, 15, 16], -12.52975),
            ],
        ],
    );
    compare(
        "73/",
        SearchOptions { beam: 3, max_len_b: 12, lenpen: 2.0, min_len: 3, ..Default::default() },
        [
            &[(&[16, 15, 15, 15, 15], -0.28184), (&[15, 15, 15, 15], -0.34055)],
            &[
                (&[15, 6, 15, 15, 15, 15, 15, 15], -0.20151),
                (&[15, 6, 15, 15, 15, 15, 15], -0.22713),
            ],
            &[
                (&[16, 16, 15, 16, 16, 15, 16, 15, 16, 16, 15, 16], -0.12383),
                (&[16, 16, 15, 16, 15, 16, 16, 15, 16, 16, 15, 16], -0.12384),
            ],
        ],
    );
    compare(
        "73/",
        SearchOptions { beam: 4, max_len_b: 5, ..Default::default() },
        [
            &[(&[15, 15, 15, 15], -1.70274), (&[15, 15, 15], -1.70994)],
            &[(&[15, 6, 15, 15, 15], -1.83618), (&[15, 15, 6, 15, 15], -1.85129)],
            &[(&[16, 16, 16, 15, 16], -1.75949), (&[16, 16, 15, 16, 16], -1.76131)],
        ],
    );
    compare(
        "73/",
        SearchOptions { beam: 2, max_len_b: 12, unk_penalty: 1.0, ..Default::default() },
        [
            &[(&[15, 15], -1.71885), (&[15], -1.73071)],
            &[(&[15, 6, 15, 15, 15, 15, 15], -1.81701), (&[15, 6, 15, 15, 15, 15], -1.82383)],
            &[
                (&[16, 16, 15, 16, 16, 15, 16, 15, 16, 16, 15, 16], -1.60974),
                (&[16, 16, 15, 16, 15, 16, 16, 15, 16, 16, 15, 16], -1.60986),
            ],
        ],
    );
    compare(
        "73/",
        SearchOptions { beam: 4, max_len_b: 3, unk_penalty: f64::INFINITY, ..Default::default() },
        [
            &[(&[15, 15, 15], -1.70994), (&[15, 15], -1.71885)],
            &[(&[15, 6, 15], -1.88209), (&[15, 15, 15], -1.90368)],
            &[(&[16, 16, 16], -1.86448), (&[16, 15, 16], -1.94057)],
        ],
    );
}

#[test]
fn it_finds_what_fairseq_finds_with_other_weights() {
    compare(
        "134/",
        SearchOptions { beam: 4, max_len_b: 12, ..Default::default() },
        [
            &[
                (&[21, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7], -1.2723),
                (&[7, 21, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7], -1.29324),
            ],
            &[(&[4, 4, 4], -1.41542), (&[4, 4, 4, 4], -1.42309)],
            &[(&[9, 9, 9, 9], -1.45538), (&[9, 9, 9], -1.46438)],
        ],
    );
    compare(
        "134/",
        SearchOptions { beam: 1, max_len_b: 12, ..Default::default() },
        [
            &[(&[7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7], -1.3666)],
            &[(&[4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4], -1.49512)],
            &[(&[9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9], -1.37728)],
        ],
    );
    compare(
        "134/",
        SearchOptions { beam: 4, max_len_b: 12, lenpen: 0.2, ..Default::default() },
        [
            &[
                (&[21, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7], -9.90251),
                (&[7, 21, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7], -10.06549),
            ],
            &[(&[4], -2.5943), (&[4, 4], -3.43143)],
            &[(&[9], -2.85034), (&[9, 9], -3.63125)],
        ],
    );
    compare(
        "134/",
        SearchOptions { beam: 3, max_len_b: 12, lenpen: 2.0, min_len: 3, ..Default::default() },
        [
            &[
                (&[21, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7], -0.09787),
                (&[7, 21, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7], -0.09948),
            ],
            &[(&[4, 4, 4, 4, 4], -0.24052), (&[4, 4, 4, 4], -0.28462)],
            &[(&[7, 9, 9, 9, 9, 9, 9, 9], -0.15017), (&[9, 9, 9, 9], -0.29108)],
        ],
    );
    compare(
        "134/",
        SearchOptions { beam: 4, max_len_b: 5, ..Default::default() },
        [
            &[(&[21, 7, 7, 7, 7], -1.46248), (&[7, 21, 7, 7, 7], -1.53316)],
            &[(&[4, 4, 4], -1.41542), (&[4, 4, 4, 4], -1.42309)],
            &[(&[9, 9, 9, 9], -1.45538), (&[9, 9, 9], -1.46438)],
        ],
    );
    compare(
        "134/",
        SearchOptions { beam: 2, max_len_b: 12, unk_penalty: 1.0, ..Default::default() },
        [
            &[
                (&[21, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7], -1.2723),
                (&[7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7], -1.3666),
            ],
            &[(&[4, 4], -1.42488), (&[4], -1.49004)],
            &[
                (&[7, 9, 9, 9, 9, 9, 9, 9, 9, 9], -1.32147),
                (&[7, 9, 9, 9, 9, 9, 9, 9, 9], -1.33181),
            ],
        ],
    );
    compare(
        "134/",
        SearchOptions { beam: 4, max_len_b: 3, unk_penalty: f64::INFINITY, ..Default::default() },
        [
            &[(&[7, 7, 7], -1.67409), (&[21, 7, 7], -1.70172)],
            &[(&[4, 4, 4], -1.41542), (&[4, 4], -1.42488)],
            &[(&[9, 9, 9], -1.46438), (&[9, 9], -1.50785)],
        ],
    );
}

fn random_model(seed: u64, vocabulary: usize) -> Transformer {
    let recipe = TransformerRecipe {
        width: 8,
        hidden: 8,
        heads: 2,
        encoder_layers: 1,
        decoder_layers: 2,
        ..TransformerRecipe::default()
    };
    Transformer::new(&recipe, [12, vocabulary], Weights::new(seed)).unwrap()
}

/// Sources of different lengths, as a batch.
fn random_source(random: Stream, count: usize) -> Tensor {
    let length = |row: u64| 1 + random.below(1000 + row, 6) as usize;
    let rows = (0..count as u64).flat_map(|row| {
        let token = move |at: usize| match at.cmp(&length(row)) {
            std::cmp::Ordering::Less => 4 + random.below(10 * row + at as u64, 8) as i64,
            std::cmp::Ordering::Equal => EOS,
            std::cmp::Ordering::Greater => PAD,
        };
        (0..7).map(token)
    });
    Tensor::from_slice(&rows.collect::<Vec<_>>()).view([count as i64, 7])
}

fn random_options(random: Stream) -> SearchOptions {
    let beam = 1 + random.below(0, 5) as usize;
    SearchOptions {
        beam,
        lenpen: 2.0 * random.uniform(1),
        max_len_a: random.below(2, 3) as f64 / 2.0,
        max_len_b: 4 + random.below(3, 8) as usize,
        min_len: random.below(4, 4) as usize,
        unk_penalty: [0.0, 1.5, -1.0, f64::INFINITY][random.below(5, 4) as usize],
        nbest: beam,
    }
}

/// Log-probabilities after `tokens`, all computed anew.
fn log_probs(model: &Transformer, source: &Tensor, tokens: &[i64]) -> Vec<f64> {
    let previous: Vec<i64> = [EOS].iter().chain(tokens).copied().collect();
    let at = Tensor::from_slice(&[tokens.len() as i64]);
    let inputs = [source.shallow_clone(), Tensor::from_slice(&previous).unsqueeze(0), at];
    let logits = tch::no_grad(|| model.forward(&inputs, Mode::Evaluate)).unwrap();
    logits.log_softmax(-1, Kind::Double).squeeze().try_into().unwrap()
}

/// The search of one sentence i64 (1, S), of all tokens and with nothing kept.
fn slow(model: &Transformer, source: &Tensor, options: &SearchOptions) -> Vec<Hypothesis> {
    let most = (options.max_len_a * source.numel() as f64) as usize + options.max_len_b;
    let mut live = vec![(Vec::new(), Vec::new())];
    let mut finished: Vec<Hypothesis> = Vec::new();
    for length in 0..=most {
        let mut ranked: Vec<(Vec<i64>, Vec<f64>)> = Vec::new();
        for (tokens, scores) in &live {
            for (token, log_prob) in (0i64..).zip(log_probs(model, source, tokens)) {
                let allowed = match token {
                    PAD => false,
                    EOS => length >= options.min_len,
                    _ => length < most,
                };
                let cost = if token == UNK { options.unk_penalty } else { 0.0 };
                if allowed && cost < f64::INFINITY {
                    let tokens = tokens.iter().copied().chain([token]).collect();
                    ranked
                        .push((tokens, scores.iter().copied().chain([log_prob - cost]).collect()));
                }
            }
        }
        let total = |scores: &[f64]| scores.iter().sum::<f64>();
        ranked.sort_by(|a, b| total(&b.1).total_cmp(&total(&a.1)));
        ranked.truncate(2 * options.beam);
        let ends = |(tokens, _): &&(Vec<i64>, Vec<f64>)| tokens.last() == Some(&EOS);
        for (tokens, scores) in ranked.iter().take(options.beam).filter(ends) {
            let score = total(scores) / (scores.len() as f64).powf(options.lenpen);
            let tokens = tokens[..tokens.len() - 1].to_vec();
            finished.push(Hypothesis { tokens, score, log_probs: scores.clone() });
        }
        finished.truncate(options.beam);
        if finished.len() == options.beam {
            break;
        }
        live = ranked.iter().filter(|found| !ends(found)).take(options.beam).cloned().collect();
    }
    finished.sort_by(|a, b| b.score.total_cmp(&a.score));
    finished
}

fn assert_same(found: &[Hypothesis], expected: &[Hypothesis], what: &str) {
    let tokens = |all: &[Hypothesis]| all.iter().map(|h| h.tokens.clone()).collect::<Vec<_>>();
    assert_eq!(tokens(found), tokens(expected), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found.score - expected.score).abs() < 1e-5, "{what}");
        assert_eq!(found.log_probs.len(), found.tokens.len() + 1);
        for (found, expected) in found.log_probs.iter().zip(&expected.log_probs) {
            assert!((found - expected).abs() < 1e-5, "{what}");
        }
    }
}

/// In batches of sentences of different lengths, with any options.
#[test]
fn it_finds_what_a_slow_search_finds() {
    let mut lengths = std::collections::BTreeSet::new();
    for case in 0..30 {
        let random = Stream::new(case, "search");
        let model = random_model(case, 6 + random.below(100, 7) as usize);
        let (source, options) = (random_source(random.part(1), 5), random_options(random.part(2)));
        let found = search(&model, &source, &options, Stop::never()).unwrap();
        for (row, found) in found.iter().enumerate() {
            let own = source.get(row as i64);
            let own = own.masked_select(&own.ne(PAD)).unsqueeze(0);
            let what = format!("case {case}, {options:?}, sentence {row}");
            assert_same(found, &slow(&model, &own, &options), &what);
            assert_same(found, &search(&model, &own, &options, Stop::never()).unwrap()[0], &what);
            assert!(found.is_sorted_by(|a, b| a.score >= b.score), "{what}");
            lengths.extend(found.iter().map(|found| found.tokens.len()));
        }
    }
    assert!(lengths.len() > 8, "the cases are alike: {lengths:?}");
}

#[test]
fn one_hypothesis_takes_the_likeliest_token() {
    let model = random_model(7, 9);
    let source = random_source(Stream::new(7, "search"), 4);
    let options = SearchOptions { beam: 1, max_len_b: 9, min_len: 0, ..Default::default() };
    for (row, found) in search(&model, &source, &options, Stop::never()).unwrap().iter().enumerate()
    {
        let own = source.get(row as i64);
        let own = own.masked_select(&own.ne(PAD)).unsqueeze(0);
        let mut tokens = Vec::new();
        while tokens.len() < 9 {
            let mut next = log_probs(&model, &own, &tokens);
            next[PAD as usize] = f64::NEG_INFINITY;
            let best = (0..next.len()).max_by(|&a, &b| next[a].total_cmp(&next[b])).unwrap();
            if best as i64 == EOS {
                break;
            }
            tokens.push(best as i64);
        }
        // A hypothesis that ends may come second, and ends then only if it is among the first `beam`.
        assert_eq!(found[0].tokens, tokens, "{row}");
    }
}

#[test]
fn hypotheses_are_distinct_and_as_many_as_asked_for() {
    let model = random_model(3, 12);
    let source = random_source(Stream::new(3, "search"), 6);
    let options = SearchOptions { max_len_b: 8, nbest: 4, ..Default::default() };
    for found in search(&model, &source, &options, Stop::never()).unwrap() {
        let distinct: std::collections::BTreeSet<_> = found.iter().map(|h| &h.tokens).collect();
        assert_eq!((found.len(), distinct.len()), (4, 4));
        assert!(found.iter().all(|h| h.tokens.iter().all(|token| ![PAD, EOS].contains(token))));
    }
}

#[test]
fn nonsense_is_refused() {
    let model = random_model(0, 9);
    let good = random_source(Stream::new(0, "search"), 2);
    let refused = |options: SearchOptions, source: &Tensor, expected: &str| {
        let error = search(&model, source, &options, Stop::never()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    let default = SearchOptions::default;
    refused(SearchOptions { beam: 0, ..default() }, &good, "beam = 0 must be at least 1");
    refused(SearchOptions { nbest: 6, ..default() }, &good, "nbest = 6 must lie in 1..=5");
    refused(SearchOptions { min_len: 201, ..default() }, &good, "min_len = 201 is more than");
    refused(SearchOptions { unk_penalty: f64::NAN, ..default() }, &good, "unk_penalty = nan");
    let endless = Tensor::from_slice(&[5i64, 2, 1, 5, 6, 1]).view([2, 3]);
    refused(default(), &endless, "sentence 1 of the batch is not tokens");
    let left = Tensor::from_slice(&[1i64, 5, 2]).view([1, 3]);
    refused(default(), &left, "sentence 0 of the batch is not tokens");
    let unknown = Tensor::from_slice(&[99i64, 2]).view([1, 2]);
    assert!(search(&model, &unknown, &default(), Stop::never()).is_err());
    let nobody = Tensor::zeros([0, 3], (Kind::Int64, Device::Cpu));
    assert!(search(&model, &nobody, &default(), Stop::never()).unwrap().is_empty());
}

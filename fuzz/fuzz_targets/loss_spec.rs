//! Specs of losses: what is read prints as what reads the same, and computes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steepness::{Loss, Targets};

fuzz_target!(|text: &str| {
    let loss: Loss = match text.parse() {
        Ok(loss) => loss,
        Err(error) => {
            let error: steepness::Error = error;
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let printed = loss.to_string();
    assert_eq!(printed.parse::<Loss>().as_ref(), Ok(&loss), "{printed}");
    let counts = [900, 90, 9];
    let Ok(mut criterion) = loss.criterion_with_counts(&counts) else { return };
    criterion.set_epoch(3, 10);
    let logits = [2.0f32, -1.0, 0.5, 60.0, 0.2, -30.0];
    let mut gradient = [0.0f32; 6];
    // Terms that are out of range of the numbers are an error; what is computed is only not checked.
    let _ = criterion.forward_backward(&logits, Targets::Hard(&[0, 2]), &mut gradient);
});

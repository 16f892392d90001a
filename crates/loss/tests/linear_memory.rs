//! How much memory the fused linear layer takes, counted by the allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use steepness::{Linear, LinearGradients, Loss, Targets};

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
#[cfg_attr(debug_assertions, ignore = "takes a minute without optimisation")]
fn a_twentieth_of_logits_and_gradient() {
    const N: usize = 4096;
    const V: usize = 32768;
    // The depth enters the variables and their gradients, which are not counted.
    const D: usize = 16;
    let draws = |count: usize| -> Vec<f32> { (0..count).map(|i| (i as f32).sin()).collect() };
    let (features, weight, bias) = (draws(N * D), draws(V * D), draws(V));
    let targets: Vec<i64> = (0..N as i64).map(|i| i * 31 % V as i64).collect();
    let layer = Linear { features: &features, weight: &weight, bias: Some(&bias), depth: D };
    for spec in ["el(le=0.75)", "el(le=0.75) + smooth(0.1, bonus=0.2)"] {
        let mut criterion = spec.parse::<Loss>().unwrap().criterion(V).unwrap();
        let (mut dx, mut dw, mut db) = (vec![0.0; N * D], vec![0.0; V * D], vec![0.0; V]);
        let gradients =
            LinearGradients { features: Some(&mut dx), weight: Some(&mut dw), bias: Some(&mut db) };
        let before = NOW.load(Relaxed);
        PEAK.store(before, Relaxed);
        criterion.linear_forward_backward(layer, Targets::Hard(&targets), gradients).unwrap();
        let extra = PEAK.load(Relaxed) - before;
        println!("{spec}: {:.1} MB", extra as f64 / 1e6);
        assert!(extra * 20 <= N * V * 2 * size_of::<f32>(), "{spec}: {extra} bytes");
    }
}

//! The threads that the kernels compute in, where the process is not the one that they were started in.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The process that has rayon's own pool, once it was used, and that of a process forked from it.
struct Pools {
    first: u32,
    forked: Option<(u32, Arc<ThreadPool>)>,
}

static POOLS: Mutex<Option<Pools>> = Mutex::new(None);

/// How many threads: what `RAYON_NUM_THREADS` says, else `OMP_NUM_THREADS`, as PyTorch goes by it, else
/// one a core (0).
fn count() -> usize {
    let variable = |name| std::env::var(name).ok()?.trim().parse().ok();
    variable("RAYON_NUM_THREADS").or_else(|| variable("OMP_NUM_THREADS")).unwrap_or(0)
}

/// Does `work`, whose parallel loops run in this process's pool. A child of `fork` has none of its
/// parent's threads: it would wait for them for ever.
pub fn within<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match pool() {
        None => work(),
        Some(pool) => pool.install(work),
    }
}

/// None: rayon's own.
fn pool() -> Option<Arc<ThreadPool>> {
    let now = std::process::id();
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let pools = pools.get_or_insert_with(|| {
        // Where somebody else has started it already, it stays as it is.
        let _ = ThreadPoolBuilder::new().num_threads(count()).build_global();
        Pools { first: now, forked: None }
    });
    if pools.first == now {
        return None;
    }
    if let Some((owner, pool)) = &pools.forked
        && *owner == now
    {
        return Some(pool.clone());
    }
    let pool = Arc::new(ThreadPoolBuilder::new().num_threads(count()).build().ok()?);
    if let Some((_, of_parent)) = pools.forked.replace((now, pool.clone())) {
        // To end it would be to wait for threads that are not there.
        std::mem::forget(of_parent);
    }
    Some(pool)
}

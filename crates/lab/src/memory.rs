//! What is told to the allocator before a training.

/// Tells the allocator to keep what is freed: libtorch frees and takes back large buffers at every
/// step, and giving them to the system in between costs a fifth of a training in page faults. For a
/// program to call before it starts threads; it changes nothing where there is no glibc.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // From <malloc.h>.
        const M_TRIM_THRESHOLD: i32 = -1;
        const M_MMAP_THRESHOLD: i32 = -3;
        unsafe extern "C" {
            fn mallopt(parameter: i32, value: i32) -> i32;
        }
        // Safety: it only sets numbers, under the allocator's own lock.
        unsafe {
            mallopt(M_MMAP_THRESHOLD, 1 << 28);
            mallopt(M_TRIM_THRESHOLD, 1 << 29);
        }
    }
}

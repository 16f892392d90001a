//! The folder that the program is started in, which may be gone.
//!
//! libtorch's linear algebra looks for it as soon as it is loaded, before `main`, and where there is
//! none it ends the program with words of its own ("oneMKL FATAL ERROR: Cannot load …"). What is looked
//! at here is looked at before that: the linker's `.preinit_array` runs before the constructors of
//! libraries.

use std::sync::atomic::{AtomicBool, Ordering};

use steepness_compare::{Error, Result};

static IS_GONE: AtomicBool = AtomicBool::new(false);

/// Refuses to begin work in a folder that is not there any more.
///
/// # Errors
/// [`Error::Request`] says so.
pub fn ensure_exists() -> Result<()> {
    if !IS_GONE.load(Ordering::Relaxed) {
        return Ok(());
    }
    Err(Error::Request(
        "the folder that this was started in is not there any more: change into one that is"
            .to_owned(),
    ))
}

/// Notes that there is no folder, and goes where there is one: what needs none goes on.
#[cfg(target_os = "linux")]
extern "C" fn look() {
    let mut path = [0u8; libc::PATH_MAX as usize];
    // Safety: the buffer is as long as is said, and the C library is ready when this is called.
    unsafe {
        if libc::getcwd(path.as_mut_ptr().cast(), path.len()).is_null() {
            IS_GONE.store(libc::chdir(c"/".as_ptr()) == 0, Ordering::Relaxed);
        }
    }
}

#[cfg(target_os = "linux")]
#[used]
// Safety: the loader calls what stands there, without a use for its arguments.
#[unsafe(link_section = ".preinit_array")]
static LOOK: extern "C" fn() = look;

//! Downloads that end with the right bytes or with an error that says what each host did.
//!
//! A file is written as `NAME.part`, continued by range after a broken connection or a broken-off
//! program, compared with its pinned checksum, and only then renamed. Nothing that a host sends is
//! trusted before: not its length, not its range, not where it redirects to.
//!
//! A host is given up at once where asking again cannot help: it has no such file, does not exist or
//! takes no connection. One that breaks off or is overloaded is asked again; one that sends less than
//! [`Patience::least`] over [`Patience::window`] is given up, or asked once more if it sent something.

mod archive;
mod package;

pub use archive::unpack;
pub use package::{Delivery, Package, PackageSource, package, packages};

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use md5::Md5;
use sha2::{Digest, Sha256};
use ureq::http::header::{CONTENT_RANGE, RANGE};

use crate::{Error, Result};

/// A pinned checksum, in hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Where nothing better is published.
    Md5(&'static str),
    /// 256 bits.
    Sha256(&'static str),
    /// None is published: what is in the file has to be looked at.
    Unpublished,
}

impl Checksum {
    /// Compares it with that of the file at `path`; the error is the sentence for the user.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn verify(self, path: &Path) -> Result<std::result::Result<(), String>> {
        let (expected, found) = match self {
            Checksum::Md5(expected) => (expected, digest::<Md5>(path)?),
            Checksum::Sha256(expected) => (expected, digest::<Sha256>(path)?),
            Checksum::Unpublished => return Ok(Ok(())),
        };
        Ok(if found == expected {
            Ok(())
        } else {
            Err(format!("the checksum is {found}, expected {expected}"))
        })
    }
}

fn digest<D: Digest>(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(Error::input(path))?;
    let (mut digest, mut buffer) = (D::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(Error::input(path))? {
            0 => break,
            n => digest.update(&buffer[..n]),
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A file on the net.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Its name here.
    pub name: String,
    /// More bytes are not taken.
    pub at_most: u64,
    /// What it must be.
    pub checksum: Checksum,
    /// Where it is, the best place first.
    pub urls: Vec<String>,
}

/// So many bytes more are worth another attempt.
const MUCH: u64 = 1 << 20;

/// How patient a download is.
#[derive(Clone, Debug)]
pub struct Patience {
    /// For a name to be found and a connection to be made.
    pub connect: Duration,
    /// For the first word of a server; and less than `least` bytes a second over so long is too slow.
    pub window: Duration,
    /// Bytes a second.
    pub least: u64,
    /// Times that each place is asked in vain, as long as asking again may help.
    pub attempts: u32,
    /// Before a place is asked again.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(10),
            window: seconds(30),
            least: 1000,
            attempts: 3,
            pause: seconds(1),
        }
    }
}

/// What there is to tell of a download.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// A file has so many bytes so far.
    Bytes(&'a str, u64),
    /// A place does not deliver, and why; the next one is asked.
    GivenUp(&'a str, &'a str),
}

/// Hears how a download goes on.
pub type Watch<'a> = &'a dyn Fn(News);

/// Gets files.
#[derive(Debug)]
pub struct Downloader {
    agent: ureq::Agent,
    patience: Patience,
}

/// Why a place did not deliver.
enum Failure {
    /// It may, if asked again.
    Again(String),
    /// It sends too little, or nothing.
    Slow(String),
    /// Nobody is there, or not any more.
    Unreached(String),
    /// It will not.
    Never(String),
    /// It is our disk.
    Ours(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Ours(error)
    }
}

impl Downloader {
    /// One with the given patience; a proxy is taken from the environment.
    pub fn new(patience: Patience) -> Self {
        Self::through(ureq::Proxy::try_from_env(), patience)
    }

    fn through(proxy: Option<ureq::Proxy>, patience: Patience) -> Self {
        let config = ureq::Agent::config_builder()
            .proxy(proxy)
            .http_status_as_error(false)
            .max_redirects(5)
            .timeout_resolve(Some(patience.connect))
            .timeout_connect(Some(patience.connect))
            .timeout_send_request(Some(patience.connect))
            .timeout_recv_response(Some(patience.window))
            .timeout_per_read(Some(patience.window))
            .user_agent(concat!("steepness/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into(), patience }
    }

    /// Gets `file` into `folder`, unless it is there already, and returns its path.
    ///
    /// # Errors
    /// What each place did; a folder that cannot be written to; another process at the same file.
    pub fn fetch(&self, file: &Remote, folder: &Path, watch: Watch) -> Result<PathBuf> {
        let path = folder.join(&file.name);
        let part_at = folder.join(format!("{}.part", file.name));
        if path.is_file() && file.checksum.verify(&path)?.is_ok() {
            PartialDownload::leave_none(&part_at);
            return Ok(path);
        }
        fs::create_dir_all(folder).map_err(Error::output(folder))?;
        let mut part = PartialDownload::open(&part_at)?;
        let mut failures = Failures(Vec::new());
        for (at, url) in file.urls.iter().enumerate() {
            if self.continue_from(url, file, &mut part, &mut failures, watch)? {
                part.finish(&path)?;
                return Ok(path);
            }
            if let (Some((_, problem)), true) = (failures.0.last(), at + 1 < file.urls.len()) {
                watch(News::GivenUp(url, problem));
            }
        }
        // With something in it, the next call goes on from there.
        if part.len == 0 {
            PartialDownload::leave_none(&part_at);
        }
        Err(Error::Work(format!("{} could not be downloaded{failures}", file.name)))
    }

    /// Continues the part from `url` as long as that helps; whether it is whole then.
    fn continue_from(
        &self,
        url: &str,
        file: &Remote,
        part: &mut PartialDownload,
        failures: &mut Failures,
        watch: Watch,
    ) -> Result<bool> {
        let (mut attempt, mut slow, mut reached) = (1, 0, false);
        loop {
            let before = part.len;
            let failure = match self.attempt(url, file, part, &mut reached, watch) {
                Ok(()) => return Ok(true),
                Err(failure) => failure,
            };
            let some = part.len > before;
            // A line that breaks often gets a large file in the end.
            let much = part.len >= before.saturating_add(MUCH);
            let mut again = |problem, again: bool| {
                failures.0.push((url.to_owned(), problem));
                again
            };
            let again = match failure {
                Failure::Ours(error) => return Err(error),
                Failure::Never(problem) => again(problem, false),
                Failure::Unreached(problem) => {
                    attempt += 1;
                    again(problem, reached && attempt <= self.patience.attempts)
                }
                Failure::Slow(problem) => {
                    slow = if much { 0 } else { slow + 1 };
                    again(problem, some && slow < 2)
                }
                Failure::Again(problem) => {
                    attempt = if much { attempt } else { attempt + 1 };
                    again(problem, attempt <= self.patience.attempts)
                }
            };
            if !again {
                return Ok(false);
            }
            if !some {
                std::thread::sleep(self.patience.pause * (attempt - 1));
            }
        }
    }

    /// Continues the part from `url` to its end, and compares it with what it must be.
    fn attempt(
        &self,
        url: &str,
        file: &Remote,
        part: &mut PartialDownload,
        reached: &mut bool,
        watch: Watch,
    ) -> std::result::Result<(), Failure> {
        let resumed = part.len > 0;
        self.receive(url, file, part, reached, watch)?;
        match file.checksum.verify(&part.path)? {
            Ok(()) => Ok(()),
            Err(problem) => {
                part.truncate(0)?;
                // What was there before may have been the damage.
                Err(if resumed { Failure::Again(problem) } else { Failure::Never(problem) })
            }
        }
    }

    fn receive(
        &self,
        url: &str,
        file: &Remote,
        part: &mut PartialDownload,
        reached: &mut bool,
        watch: Watch,
    ) -> std::result::Result<(), Failure> {
        // What begins encrypted does not go on in the clear.
        let secure = url.starts_with("https:");
        let mut request = self.agent.get(url).config().https_only(secure).build();
        if part.len > 0 {
            request = request.header(RANGE, format!("bytes={}-", part.len));
        }
        let mut response = request.call().map_err(failure)?;
        *reached = true;
        match response.status().as_u16() {
            206 => {
                let range =
                    response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
                let from = format!("bytes {}-", part.len);
                if !range.is_some_and(|range| range.starts_with(&from)) {
                    part.truncate(0)?;
                    return Err(Failure::Again(format!(
                        "it sent the range {range:?}, asked was {from}"
                    )));
                }
            }
            200 => part.truncate(0)?,
            // There is nothing behind what we have: the checksum tells whether that is all.
            416 if part.len > 0 => return Ok(()),
            status @ (408 | 425 | 429 | 500 | 502..=504) => {
                return Err(Failure::Again(format!("status {status}")));
            }
            status => return Err(Failure::Never(format!("status {status}"))),
        }
        let too_much = || Failure::Never(format!("more than {} bytes", file.at_most));
        let end = response.body().content_length().map(|more| part.len.saturating_add(more));
        if end.is_some_and(|end| end > file.at_most) {
            return Err(too_much());
        }
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 16];
        let (window, mut since, mut from) = (self.patience.window, Instant::now(), part.len);
        loop {
            let n = body.read(&mut buffer).map_err(|error| {
                let problem = format!("it broke off after {} bytes: {error}", part.len);
                let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
                match cause {
                    Some(ureq::Error::Timeout(_)) => Failure::Slow(problem),
                    _ => Failure::Again(problem),
                }
            })?;
            if n == 0 {
                break;
            }
            if part.len + n as u64 > file.at_most {
                part.truncate(0)?;
                return Err(too_much());
            }
            part.append(&buffer[..n])?;
            watch(News::Bytes(&file.name, part.len));
            if since.elapsed() >= window {
                let (some, seconds) = (part.len - from, since.elapsed().as_secs_f64());
                if (some as f64) < self.patience.least as f64 * seconds {
                    let problem = format!(
                        "it is too slow: {some} bytes in {seconds:.1} s, {} bytes in all",
                        part.len
                    );
                    return Err(Failure::Slow(problem));
                }
                (since, from) = (Instant::now(), part.len);
            }
        }
        match end {
            Some(end) if part.len < end => {
                Err(Failure::Again(format!("it ended after {} of {end} bytes", part.len)))
            }
            _ => Ok(()),
        }
    }
}

/// What it means that there is no answer.
fn failure(error: ureq::Error) -> Failure {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    use ureq::{Error as E, Timeout as T};
    let problem = error.to_string();
    match error {
        E::HostNotFound | E::ConnectionFailed | E::ConnectProxyFailed(_) => {
            Failure::Unreached(problem)
        }
        E::Timeout(T::Resolve | T::Connect) => Failure::Unreached(problem),
        E::Timeout(_) => Failure::Slow(problem),
        E::Protocol(_) => Failure::Again(problem),
        E::Io(error) => match error.kind() {
            BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => {
                Failure::Again(problem)
            }
            // Refused, no way to it, or a name that nobody knows.
            _ => Failure::Unreached(problem),
        },
        // Too many redirects, no encryption, a certificate that is not right.
        _ => Failure::Never(problem),
    }
}

/// Refuses what is no address of a folder on the net, before anything is asked for.
///
/// # Errors
/// Another scheme than http and https, no host, and what is no address at all.
pub(super) fn validate_address(url: &str) -> Result<()> {
    let uri = url.parse::<ureq::http::Uri>().ok();
    let sound = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    });
    match sound {
        true => Ok(()),
        false => Err(Error::Request(format!(
            "{url:?} is no mirror: expected the address of a folder, such as https://host/folder/"
        ))),
    }
}

/// What each place did, for the message.
struct Failures(Vec<(String, String)>);

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (at, (url, problem)) in self.0.iter().enumerate() {
            // The same again says nothing new.
            if at == 0 || self.0[at - 1] != (url.clone(), problem.clone()) {
                write!(f, "; {url}: {problem}")?;
            }
        }
        Ok(())
    }
}

/// A file that is not complete yet, ours alone.
struct PartialDownload {
    path: PathBuf,
    file: File,
    len: u64,
}

impl PartialDownload {
    /// Opens what an earlier attempt has left, or begins.
    fn open(path: &Path) -> Result<Self> {
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = open.map_err(Error::output(path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let problem = format!("{} is in use by another process", path.display());
                return Err(Error::Request(problem));
            }
            Err(TryLockError::Error(error)) => return Err(Error::output(path)(error)),
        }
        let len = file.seek(SeekFrom::End(0)).map_err(Error::output(path))?;
        Ok(Self { path: path.to_owned(), file, len })
    }

    /// Removes what is of no use any more, if it is there.
    fn leave_none(path: &Path) {
        // If it stays, the next call goes on from it or begins anew.
        let _ = fs::remove_file(path);
    }

    fn truncate(&mut self, len: u64) -> Result<()> {
        let done = self.file.set_len(len).and_then(|()| self.file.seek(SeekFrom::Start(len)));
        done.map_err(Error::output(&self.path))?;
        self.len = len;
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(Error::output(&self.path))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Gives the file its name.
    fn finish(self, path: &Path) -> Result<()> {
        self.file.sync_all().map_err(Error::output(&self.path))?;
        fs::rename(&self.path, path).map_err(Error::output(path))
    }
}

#[cfg(test)]
mod tests;

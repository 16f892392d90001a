//! `steepness data get`, killed again and again against a slow server on this machine: in the end
//! there are the right files, and nothing else.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::program::place::{random, read_all, soak};
use crate::program::{PROGRAM, test_data};

/// What the server sends at a time, and how long it rests then: 8 MB a second.
const PIECE: usize = 1 << 16;
const REST: Duration = Duration::from_millis(8);

/// Serves the files of a folder by range until it is dropped.
struct Server {
    url: String,
    stop: Arc<AtomicBool>,
}

impl Server {
    fn new(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        listener.set_nonblocking(true).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, folder) = (stop.clone(), folder.to_owned());
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let (folder, stopped) = (folder.clone(), stopped.clone());
                        // A client that is killed is what this is for.
                        std::thread::spawn(move || drop(answer(stream, &folder, &stopped)));
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(2)),
                }
            }
        });
        Self { url, stop }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn answer(stream: TcpStream, folder: &Path, stopped: &AtomicBool) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut lines = BufReader::new(&stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut from = 0;
    for line in lines {
        let line = line?.to_ascii_lowercase();
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let name = first.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    let mut stream = &stream;
    let Ok(bytes) = fs::read(folder.join(name)) else {
        return write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    };
    let (len, rest) = (bytes.len(), bytes.get(from..).unwrap_or_default());
    match from {
        0 => write!(stream, "HTTP/1.1 200 OK\r\n")?,
        _ => write!(
            stream,
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{}/{len}\r\n",
            len - 1
        )?,
    }
    write!(stream, "Content-Length: {}\r\nConnection: close\r\n\r\n", rest.len())?;
    for piece in rest.chunks(PIECE) {
        if stopped.load(Ordering::Relaxed) {
            break;
        }
        stream.write_all(piece)?;
        std::thread::sleep(REST);
    }
    Ok(())
}

/// The data set and, by name, its files.
fn get(server: &Server, folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["data", "get", "fashion-mnist", "--mirror", &server.url, "--out"]).arg(folder);
    for proxy in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(proxy).env_remove(proxy.to_uppercase());
    }
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn kill(test: &str, kills: usize) {
    let Some(data) = test_data(test) else { return };
    let source = data.join("fashion-mnist");
    let server = Server::new(&source);
    let place = tempfile::tempdir().unwrap();
    let (mut killed, mut whole) = (0, 0);
    while killed < kills {
        let folder = place.path().join(format!("data{whole}"));
        let mut child = get(&server, &folder).spawn().unwrap();
        std::thread::sleep(Duration::from_secs_f64(1.5 * random()));
        match child.try_wait().unwrap() {
            Some(status) => {
                let mut message = String::new();
                child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
                assert!(status.success(), "after {killed} kills: {message}");
                check(&source, &folder);
                fs::remove_dir_all(&folder).unwrap();
                whole += 1;
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                killed += 1;
                // What has its name is whole.
                for (path, bytes) in read_all(&folder) {
                    let part = path.to_string_lossy().contains(".part");
                    assert!(part || bytes == expected(&source, &path), "{}", path.display());
                }
            }
        }
    }
    let folder = place.path().join(format!("data{whole}"));
    let output = get(&server, &folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    check(&source, &folder);
    println!("{killed} kills, {} downloads to their ends", whole + 1);
}

/// The classes have names that the published files lack.
fn expected(source: &Path, path: &Path) -> Vec<u8> {
    let names = "T-shirt\ntrouser\npullover\ndress\ncoat\nsandal\nshirt\nsneaker\nbag\nboot\n";
    match path.to_str() {
        Some("classes.txt") => names.into(),
        _ => fs::read(source.join(path)).unwrap(),
    }
}

/// All files are there, and what is there is right.
fn check(source: &Path, folder: &Path) {
    let found = read_all(folder);
    let names: Vec<PathBuf> = found.keys().cloned().collect();
    assert_eq!(names.len(), 5, "{names:?}");
    for (path, bytes) in found {
        assert!(bytes == expected(source, &path), "{}", path.display());
    }
}

#[test]
fn a_killed_download_goes_on() {
    kill("a_killed_download_goes_on", 3);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn a_download_that_is_killed_many_times_goes_on() {
    kill("a_download_that_is_killed_many_times_goes_on", 20 * soak());
}

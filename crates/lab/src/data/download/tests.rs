//! Against a server on 127.0.0.1 that does what servers do on bad days.

use super::*;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

const DATA: &[u8] = b"0123456789abcdef";
/// `printf 0123456789abcdef | sha256sum`
const SUM: Checksum =
    Checksum::Sha256("9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f");

/// What the server does with a request.
#[derive(Clone)]
enum Answer {
    /// Serves, by range if asked.
    Serve,
    /// Serves all of it whatever is asked.
    Whole,
    /// Announces all and closes after so many bytes.
    Truncate(usize),
    /// Announces all and says nothing more after so many bytes.
    Stall(usize),
    /// Hears the request and says nothing.
    Silent,
    /// Announces much and sends a byte every 5 ms, for a second at most.
    Trickle,
    /// One byte is not what it was.
    Corrupt,
    /// A range that was not asked for.
    WrongRange,
    /// Goes on for ever, without a length.
    Endless,
    /// Somewhere else.
    Redirect(String),
    /// An error page.
    Status(u16),
}

/// Answers so many requests, then listens no more; at most for some seconds.
struct Server {
    url: String,
    /// The Range header of each request, or nothing.
    ranges: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/f", listener.local_addr().unwrap());
        let ranges: Arc<Mutex<Vec<String>>> = Arc::default();
        let (seen, answers) = (ranges.clone(), answers.to_vec());
        std::thread::spawn(move || {
            let start = Instant::now();
            for answer in answers {
                let stream = loop {
                    match listener.accept() {
                        Ok((stream, _)) => break stream,
                        Err(_) if start.elapsed() > Duration::from_secs(10) => return,
                        Err(_) => std::thread::sleep(Duration::from_millis(2)),
                    }
                };
                stream.set_nonblocking(false).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
                stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
                // A client that hangs up is what some answers are for.
                let _ = respond(stream, &answer, &seen);
            }
        });
        Self { url, ranges }
    }

    fn ranges(&self) -> Vec<String> {
        self.ranges.lock().unwrap().clone()
    }
}

fn respond(
    mut stream: TcpStream,
    answer: &Answer,
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut range = String::new();
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?.to_lowercase();
        if let Some(asked) = line.strip_prefix("range: bytes=") {
            range = asked.to_owned();
        }
        if line.is_empty() {
            break;
        }
    }
    seen.lock().unwrap().push(range.clone());
    let from: usize = range.trim_end_matches('-').parse().unwrap_or(0);
    let mut head = |status: &str, length: usize, more: &str| {
        write!(
            stream,
            "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n"
        )
    };
    match answer {
        Answer::Serve if from >= DATA.len() => head("416 Range Not Satisfiable", 0, ""),
        Answer::Serve | Answer::WrongRange if from > 0 => {
            let claimed = if matches!(answer, Answer::Serve) { from } else { from - 1 };
            let range = format!("Content-Range: bytes {claimed}-15/16\r\n");
            head("206 Partial Content", DATA.len() - from, &range)?;
            stream.write_all(&DATA[from..])
        }
        Answer::Serve | Answer::Whole | Answer::WrongRange => {
            head("200 OK", DATA.len(), "")?;
            stream.write_all(DATA)
        }
        Answer::Truncate(n) => {
            head("200 OK", DATA.len(), "")?;
            stream.write_all(&DATA[..*n])
        }
        Answer::Stall(n) => {
            head("200 OK", DATA.len(), "")?;
            stream.write_all(&DATA[..*n])?;
            stream.read(&mut [0]).map(|_| ()) // until the client has had enough
        }
        Answer::Silent => stream.read(&mut [0]).map(|_| ()),
        Answer::Trickle => {
            head("200 OK", 10_000, "")?;
            (0..200).try_for_each(|_| {
                std::thread::sleep(Duration::from_millis(5));
                stream.write_all(b"0")
            })
        }
        Answer::Corrupt => {
            head("200 OK", DATA.len(), "")?;
            stream.write_all(b"X")?;
            stream.write_all(&DATA[1..])
        }
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            (0..10_000).try_for_each(|_| stream.write_all(&[0; 1000]))
        }
        Answer::Redirect(to) => head("302 Found", 0, &format!("Location: {to}\r\n")),
        Answer::Status(status) => head(&format!("{status} Nope"), 0, ""),
    }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn fetch(&self, urls: &[&Server]) -> Result<PathBuf> {
        self.fetch_from(urls.iter().map(|server| server.url.clone()).collect(), 16)
    }

    fn fetch_from(&self, urls: Vec<String>, at_most: u64) -> Result<PathBuf> {
        let file = Remote { name: "f".into(), at_most, checksum: SUM, urls };
        let [connect, window] = [500, 200].map(Duration::from_millis);
        let pause = Duration::from_millis(10);
        let patience = Patience { connect, window, least: 1000, attempts: 3, pause };
        Downloader::through(None, patience).fetch(&file, self.0.path(), &|_| {})
    }

    /// Whether it is there, whole, and nothing beside it.
    fn is_whole(&self) -> bool {
        fs::read(self.0.path().join("f")).unwrap() == DATA
            && fs::read_dir(self.0.path()).unwrap().count() == 1
    }

    fn put_part(&self, bytes: &[u8]) {
        fs::write(self.0.path().join("f.part"), bytes).unwrap();
    }
}

use Answer::{
    Corrupt, Endless, Redirect, Serve, Silent, Stall, Status, Trickle, Truncate, Whole, WrongRange,
};

#[test]
fn a_file_is_fetched_once() {
    let (place, server) = (Place::new(), Server::new(&[Serve]));
    place.fetch(&[&server]).unwrap();
    place.fetch(&[&server]).unwrap();
    assert!(place.is_whole());
    assert_eq!(server.ranges(), [""]);
}

#[test]
fn broken_connections_are_continued() {
    let (place, server) = (Place::new(), Server::new(&[Truncate(5), Serve]));
    place.fetch(&[&server]).unwrap();
    assert!(place.is_whole());
    assert_eq!(server.ranges(), ["", "5-"]);
    let (place, server) = (Place::new(), Server::new(&[Stall(7), Serve]));
    place.fetch(&[&server]).unwrap();
    assert!(place.is_whole());
    assert_eq!(server.ranges(), ["", "7-"]);
}

#[test]
fn what_an_earlier_call_left_is_continued_or_thrown_away() {
    for (part, answers, ranges) in [
        (&DATA[..4], &[Serve][..], &["4-"][..]),
        (DATA, &[Serve], &["16-"]), // only the renaming was missing
        (b"wrong", &[Serve, Serve], &["5-", ""]), // the checksum tells
        (&DATA[..4], &[Whole], &["4-"]), // a server without ranges
        (&DATA[..4], &[WrongRange, Serve], &["4-", ""]),
        (b"0123456789abcdefgh", &[Serve, Serve], &["18-", ""]),
    ] {
        let (place, server) = (Place::new(), Server::new(answers));
        place.put_part(part);
        place.fetch(&[&server]).unwrap();
        assert!(place.is_whole());
        assert_eq!(server.ranges(), ranges);
    }
}

#[test]
fn the_next_mirror_helps() {
    let gone = Server::new(&[]);
    for answers in [
        &[Corrupt][..],
        &[Status(404)],
        &[Status(503), Status(503), Status(503)],
        &[Endless],
        &[Truncate(3), Truncate(3), Truncate(3)],
        &[Silent],
        &[Stall(3), Silent],
        &[Redirect("ftp://127.0.0.1/f".into())],
    ] {
        let (place, bad, good) = (Place::new(), Server::new(answers), Server::new(&[Serve]));
        place.fetch(&[&gone, &bad, &good]).unwrap();
        assert!(place.is_whole());
    }
}

#[test]
fn redirects_are_followed_but_not_for_ever() {
    let good = Server::new(&[Serve]);
    let (place, first) = (Place::new(), Server::new(&[Redirect(good.url.clone())]));
    place.fetch(&[&first]).unwrap();
    assert!(place.is_whole());
    let circle = Server::new(&vec![Redirect("/f".into()); 20]);
    let error = Place::new().fetch(&[&circle]).unwrap_err().to_string();
    assert!(error.contains("redirect"), "{error}");
    assert!(circle.ranges().len() <= 7, "{:?}", circle.ranges());
}

#[test]
fn an_error_says_what_each_host_did_and_leaves_no_wrong_file() {
    let (place, one, two) = (Place::new(), Server::new(&[Corrupt]), Server::new(&[Status(403)]));
    let error = place.fetch(&[&one, &two]).unwrap_err();
    assert_eq!(error.exit_code(), 1);
    let error = error.to_string();
    assert!(error.starts_with("f could not be downloaded; http://127.0.0.1:"), "{error}");
    assert!(error.contains("the checksum is ") && error.contains("status 403"), "{error}");
    assert!(!place.0.path().join("f").exists());
    let error = Place::new().fetch(&[&Server::new(&[Endless])]).unwrap_err().to_string();
    assert!(error.contains("more than 16 bytes"), "{error}");
}

#[test]
fn a_second_process_is_refused() {
    let place = Place::new();
    let _part = PartialDownload::open(&place.0.path().join("f.part")).unwrap();
    let error = place.fetch(&[&Server::new(&[])]).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("in use"), "{error}");
}

/// Asking again does not help where there is nobody, or not the file.
#[test]
fn what_cannot_get_better_is_asked_once() {
    for (answers, expected) in [
        (&[Status(404), Serve][..], "status 404"),
        (&[Status(501), Serve], "status 501"),
        (&[Redirect("https://127.0.0.1:9/f".into()), Serve], "Connection refused"),
        (&[Corrupt, Serve], "the checksum is"),
        (&[Silent, Serve], "timeout: "),
    ] {
        let (place, server) = (Place::new(), Server::new(answers));
        let error = place.fetch(&[&server]).unwrap_err().to_string();
        assert!(error.contains(expected) && server.ranges().len() == 1, "{error}");
        // Nothing is left of it.
        assert_eq!(fs::read_dir(place.0.path()).unwrap().count(), 0);
    }
    let start = Instant::now();
    let gone = ["http://127.0.0.1:9/f", "http://nowhere.invalid/f", "http:///f"];
    let place = Place::new();
    let error = place.fetch_from(gone.map(String::from).to_vec(), 16).unwrap_err().to_string();
    assert!(error.contains("refused") && error.matches("; http:").count() == 3, "{error}");
    assert!(start.elapsed() < Duration::from_secs(20));
}

/// A host that is there may be overloaded for a moment.
#[test]
fn what_may_get_better_is_asked_again() {
    for answers in [
        &[Status(503), Status(429), Serve][..],
        &[Truncate(4), Status(502), Serve],
        &[Stall(4), Serve],
    ] {
        let (place, server) = (Place::new(), Server::new(answers));
        place.fetch(&[&server]).unwrap();
        assert!(place.is_whole() && server.ranges().len() == answers.len());
    }
    let server = Server::new(&[Status(503), Status(503), Status(503), Serve]);
    assert!(Place::new().fetch(&[&server]).is_err());
}

/// A byte now and then is no download, and neither is one before every silence.
#[test]
fn what_is_too_slow_is_given_up() {
    let start = Instant::now();
    let (place, server) = (Place::new(), Server::new(&[Trickle, Trickle, Serve]));
    let error = place.fetch_from(vec![server.url.clone()], 20_000).unwrap_err().to_string();
    assert!(error.contains("it is too slow: ") && server.ranges().len() == 2, "{error}");
    let server = Server::new(&[Stall(3), Stall(5), Serve]);
    let error = Place::new().fetch(&[&server]).unwrap_err().to_string();
    assert!(error.contains("it broke off after 3 bytes") && server.ranges().len() == 2, "{error}");
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn what_is_no_address_is_not_asked() {
    for url in
        ["nonsense", "ftp://host/x", "host/folder", "http://", "https:///x", "http://a b/", ""]
    {
        let error = validate_address(url).unwrap_err();
        assert!(error.exit_code() == 2 && error.to_string().contains("is no mirror"), "{error}");
    }
    for url in ["http://host", "https://host:8080/a/b/", "http://127.0.0.1/", "http://[::1]:80/x"] {
        validate_address(url).unwrap();
    }
    let package = package("mnist").unwrap();
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let downloader = Downloader::through(None, Patience::default());
    let source = PackageSource::Hosts(vec!["ftp://x".to_owned()]);
    let delivery =
        Delivery { package, out: &out, source: &source, downloader: &downloader, watch: &|_| {} };
    assert_eq!(delivery.get().unwrap_err().exit_code(), 2);
    assert!(!out.exists());
}

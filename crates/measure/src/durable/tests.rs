use super::part::{is_unfinished, name_for, remove, same};
use super::*;
use std::path::PathBuf;

#[test]
fn a_file_is_replaced_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    for put in [write, replace] {
        put(&path, b"one").unwrap();
        put(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_folder_replaces_leftovers_and_its_predecessor() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    fs::create_dir(name_for(&path)).unwrap();
    fs::write(name_for(&path).join("torn"), "x").unwrap();
    write_folder(&path, &[("f", b"1"), ("g", b"2")]).unwrap();
    write_folder(&path, &[("f", b"3")]).unwrap();
    assert_eq!(fs::read(path.join("f")).unwrap(), b"3");
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn an_error_names_the_path_and_leaves_nothing() {
    let error = write(Path::new("/nowhere/at/all"), b"").unwrap_err();
    assert!(error.to_string().ends_with("/nowhere/at/all"), "{error}");
    assert_eq!(error.exit_code(), 1);
    let dir = tempfile::tempdir().unwrap();
    let error = write(dir.path(), b"").unwrap_err();
    assert!(error.to_string().ends_with(&dir.path().display().to_string()), "{error}");
    let path = dir.path().join("a");
    fs::write(&path, "before").unwrap();
    let broken = |to: &mut dyn Write| {
        to.write_all(b"half")?;
        Err(io::Error::other("broken"))
    };
    write_with(&path, broken).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), b"before");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn what_is_half_written_can_be_taken_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let part = name_for(&path);
    write_with(&path, |to| {
        assert!(is_unfinished(&part));
        to.write_all(b"half")
    })
    .unwrap();
    assert!(!is_unfinished(&part));
    fs::write(&part, "torn").unwrap();
    let folder = dir.path().join("folder.part");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("torn"), "").unwrap();
    remove(&[part, folder, dir.path().join("gone.part")].into());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

/// Of several lengths, beginning with what a killed writer has left.
#[test]
fn many_writers_leave_one_whole_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    fs::write(name_for(&path), "torn by a kill").unwrap();
    let texts: Vec<Vec<u8>> = (0..8u8).map(|id| vec![id; 1 << (4 + 2 * id)]).collect();
    std::thread::scope(|scope| {
        for text in &texts {
            let path = &path;
            scope.spawn(move || (0..20).for_each(|_| replace(path, text).unwrap()));
        }
    });
    assert!(texts.contains(&fs::read(&path).unwrap()));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_link_leads_to_what_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("far")).unwrap();
        fs::write(at("far/there"), "old").unwrap();
        symlink("far/there", at("link")).unwrap();
        symlink("link", at("of link")).unwrap();
        symlink("far/not yet", at("dangling")).unwrap();
        symlink("circle", at("circle")).unwrap();
        write(&at("of link"), b"new").unwrap();
        write(&at("dangling"), b"made").unwrap();
        assert!(at("of link").is_symlink() && at("link").is_symlink());
        assert!(at("dangling").is_symlink());
        assert_eq!(fs::read(at("far/there")).unwrap(), b"new");
        assert_eq!(fs::read(at("far/not yet")).unwrap(), b"made");
        assert_eq!(fs::read_dir(at("far")).unwrap().count(), 2);
        write(&at("circle"), b"").unwrap_err();
    }

    #[test]
    fn a_file_keeps_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        for mode in [0o600, 0o644, 0o666, 0o755] {
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            write(&path, b"new").unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        }
    }

    #[test]
    fn a_fifo_and_a_device_are_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || {
                let mut text = String::new();
                File::open(fifo).unwrap().read_to_string(&mut text).unwrap();
                text
            }
        });
        write(&fifo, b"through").unwrap();
        assert_eq!(reader.join().unwrap(), "through");
        assert!(!fs::symlink_metadata(&fifo).unwrap().is_file());
        let device = dir.path().join("device");
        symlink("/dev/full", &device).unwrap();
        let error = write(&device, b"x").unwrap_err();
        assert!(error.to_string().ends_with("device"), "{error}");
        symlink("/dev/null", dir.path().join("null")).unwrap();
        write(&dir.path().join("null"), b"x").unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    /// As /dev/stdout is where a shell has turned the output into a file.
    #[test]
    fn an_open_file_is_written_to() {
        use std::os::fd::AsRawFd;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let mut file = File::create_new(&path).unwrap();
        let open = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        if !open.exists() {
            return;
        }
        write(&open, b"one").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        file.write_all(b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert!(same(&file.metadata().unwrap(), &fs::metadata(&path).unwrap()));
    }

    #[test]
    fn a_link_in_the_place_of_the_temporary_file_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, victim) = (dir.path().join("a"), dir.path().join("victim"));
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, name_for(&path)).unwrap();
        write(&path, b"mine").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
    }
}

//! A cluster of one machine, this one: Slurm's own daemons with a configuration for tests alone, which knows
//! no passwords and no accounts. They end with the test.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long the daemons may take to begin, and jobs to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// The daemons, until it is dropped.
pub struct Cluster {
    place: TempDir,
    daemons: Vec<Child>,
}

impl Cluster {
    /// Begins it; a line says so where there is no Slurm.
    pub fn start(test: &str) -> Option<Self> {
        let is_there = |program: &str| Command::new(program).arg("-V").output().is_ok();
        // Safety: it touches no memory.
        let is_root = unsafe { libc::geteuid() } == 0;
        if !is_there("slurmctld") || !is_there("slurmd") || !is_root {
            eprintln!(
                "skipped: {test}: it takes slurmctld and slurmd (Debian's slurm-wlm), and root"
            );
            return None;
        }
        let place = tempfile::tempdir().unwrap();
        for folder in ["state", "spool"] {
            fs::create_dir(place.path().join(folder)).unwrap();
        }
        let at = |name: &str| place.path().join(name).display().to_string();
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        // Both at once, so that they are not the same.
        let (first, second) = (free(), free());
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let configuration = format!(
            "ClusterName=test\nSlurmctldHost=localhost(127.0.0.1)\nSlurmctldPort={}\nSlurmdPort={}\n\
             AuthType=auth/none\nCredType=cred/none\nSlurmUser=root\nSlurmdUser=root\n\
             ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSwitchType=switch/none\n\
             MpiDefault=none\nJobCompType=jobcomp/none\nJobAcctGatherType=jobacct_gather/none\n\
             AccountingStorageType=accounting_storage/none\nSelectType=select/linear\n\
             SchedulerType=sched/builtin\nSlurmdParameters=config_overrides\nReturnToService=2\n\
             KillWait=10\nMinJobAge=5\nMaxArraySize=8\nStateSaveLocation={}\nSlurmdSpoolDir={}\n\
             SlurmctldPidFile={}\nSlurmdPidFile={}\nSlurmctldLogFile={}\nSlurmdLogFile={}\n\
             NodeName=localhost CPUs=4 State=UNKNOWN\n\
             PartitionName=test Nodes=localhost Default=YES MaxTime=INFINITE State=UP \
             OverSubscribe=FORCE:8\n",
            port(&first),
            port(&second),
            at("state"),
            at("spool"),
            at("slurmctld.pid"),
            at("slurmd.pid"),
            at("slurmctld.log"),
            at("slurmd.log"),
        );
        fs::write(place.path().join("slurm.conf"), configuration).unwrap();
        drop((first, second));
        let mut cluster = Self { place, daemons: Vec::new() };
        for (program, arguments) in
            [("slurmctld", &["-D"][..]), ("slurmd", &["-D", "-N", "localhost"])]
        {
            let mut daemon = cluster.command(program);
            daemon.args(arguments).stdin(Stdio::null());
            daemon.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
            // Safety: a call that is allowed between fork and exec.
            unsafe {
                daemon.pre_exec(|| {
                    libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                    Ok(())
                });
            }
            cluster.daemons.push(daemon.spawn().unwrap());
        }
        let is_idle = |cluster: &Self| cluster.ask("sinfo", &["-h", "-o", "%T"]).contains("idle");
        cluster.wait_until("it begins", is_idle);
        Some(cluster)
    }

    /// The file that Slurm's commands learn of it from: their SLURM_CONF.
    pub fn configuration(&self) -> PathBuf {
        self.place.path().join("slurm.conf")
    }

    /// A command of Slurm's.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("SLURM_CONF", self.configuration());
        command
    }

    /// What it prints.
    pub fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let output: Output = self.command(program).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until no job is there.
    pub fn wait_until_idle(&self) {
        self.wait_until("its jobs end", |cluster| cluster.ask("squeue", &["-h"]).is_empty());
    }

    fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            let log =
                |name: &str| fs::read_to_string(self.place.path().join(name)).unwrap_or_default();
            assert!(
                began.elapsed() < PATIENCE,
                "{what}: never\n{}\n{}",
                log("slurmctld.log"),
                log("slurmd.log")
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Jobs first: they are children of nobody here.
        let _ = self.command("scancel").args(["--user", "root"]).output();
        let began = Instant::now();
        while !self.ask("squeue", &["-h"]).is_empty() && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(50));
        }
        for daemon in &mut self.daemons {
            // Safety: it touches no memory. The group is that of the daemon, with what it has forked.
            unsafe { libc::kill(-daemon.id().cast_signed(), libc::SIGKILL) };
            let _ = daemon.wait();
        }
    }
}

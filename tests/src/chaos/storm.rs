//! Which fault comes when: one a second, drawn from the seed and from what is whole at that moment, and never so that no member is
//! left that answers.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use rand::{Rng, SeedableRng, distr::weighted::WeightedIndex, prelude::Distribution};
use rand_chacha::ChaCha8Rng;
use tokio::{
    sync::{Mutex, Notify, OwnedMutexGuard},
    task::JoinSet,
    time::{Instant, interval_at, timeout},
};

use super::{
    Trial,
    fault::{Fault, Kind},
};
use crate::{
    etcd::Etcd,
    fleet::{self, Fleet, Grounds, Worker},
    process::Process,
};

/// Place of the worker that is never killed, so that its memory can be compared.
pub(super) const SPARED: usize = 0;
const TACT: Duration = Duration::from_secs(1);
/// Of a cut, in seconds; a lease lasts ten.
const CUT: std::ops::RangeInclusive<u64> = 2..=12;
/// How often each kind comes, in the order of [`Kind::ALL`].
const WEIGHTS: [u32; 5] = [5, 5, 5, 3, 2];
/// How often a fault that nobody can bear is drawn again.
const DRAWS: usize = 8;
const GLANCE: Duration = Duration::from_millis(500);

/// A fleet in bad weather.
pub(super) struct Storm {
    workers: Vec<Target>,
    second: Arc<Mutex<Process>>,
    etcd: Arc<Mutex<Etcd>>,
    _first: Process,
    _grounds: Grounds,
    /// URLs of the coordinators.
    coordinators: Vec<String>,
    seed: u64,
    log: Option<File>,
    struck: Arc<AtomicU32>,
    over: Notify,
}

struct Target {
    url: String,
    worker: Arc<Mutex<Worker>>,
}

impl Storm {
    pub(super) fn over(fleet: Fleet, trial: &Trial) -> Result<Self> {
        let coordinators = fleet.urls();
        let [first, second] = <[Process; 2]>::try_from(fleet.coordinators).ok().context("not two coordinators")?;
        let target = |worker: Worker| Target { url: worker.process.url(), worker: Arc::new(Mutex::new(worker)) };
        let log = trial.logs.as_ref().map(|folder| File::create(folder.join("faults.log"))).transpose()?;
        Ok(Self {
            workers: fleet.workers.into_iter().map(target).collect(),
            second: Arc::new(Mutex::new(second)),
            etcd: Arc::new(Mutex::new(fleet.etcd.context("no etcd")?)),
            _first: first,
            _grounds: fleet.grounds,
            coordinators,
            seed: trial.seed,
            log,
            struck: Arc::default(),
            over: Notify::new(),
        })
    }

    /// Faults so far.
    pub(super) fn struck(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.struck)
    }

    /// Ends the storm: what broke is mended, and nothing else breaks.
    pub(super) fn subside(&self) {
        self.over.notify_one();
    }

    /// Breaks and mends until the storm subsides; how often each kind of fault came.
    pub(super) async fn rage(&self) -> Result<BTreeMap<Kind, u32>> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let start = Instant::now();
        let mut tact = interval_at(start + TACT, TACT);
        let mut counts: BTreeMap<Kind, u32> = Kind::ALL.into_iter().map(|kind| (kind, 0)).collect();
        let mut faults = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = self.over.notified() => break,
                Some(mended) = faults.join_next() => mended??,
                _ = tact.tick() => {
                    let Some(fault) = self.draw(&mut rng).await else { continue };
                    *counts.entry(fault.kind()).or_default() += 1;
                    self.struck.fetch_add(1, Ordering::Relaxed);
                    self.note(start, &fault)?;
                    faults.spawn(fault.strike());
                }
            }
        }
        while let Some(mended) = faults.join_next().await {
            mended??;
        }
        Ok(counts)
    }

    fn note(&self, start: Instant, fault: &Fault) -> Result<()> {
        if let Some(mut log) = self.log.as_ref() {
            writeln!(log, "{:6.1} s  {}", start.elapsed().as_secs_f64(), fault.shown())?;
        }
        Ok(())
    }

    /// The next fault that leaves somebody who answers.
    async fn draw(&self, rng: &mut ChaCha8Rng) -> Option<Fault> {
        let sound = self.sound().await;
        let kinds = WeightedIndex::new(WEIGHTS).ok()?;
        (0..DRAWS).find_map(|_| match *Kind::ALL.get(kinds.sample(rng))? {
            Kind::WorkerKilled => self.victim(rng, &sound, Some(SPARED)).map(Fault::Kill),
            Kind::WorkerPaused => self.victim(rng, &sound, None).map(Fault::Pause),
            Kind::WorkerCutOff => {
                let time = Duration::from_secs(rng.random_range(CUT));
                self.victim(rng, &sound, None).map(|worker| Fault::CutOff(worker, time))
            }
            Kind::CoordinatorRestarted => Arc::clone(&self.second).try_lock_owned().ok().map(Fault::RestartCoordinator),
            Kind::EtcdRestarted => Arc::clone(&self.etcd).try_lock_owned().ok().map(Fault::RestartEtcd),
        })
    }

    /// A worker that nothing has hit yet and without which another one is sound.
    fn victim(&self, rng: &mut ChaCha8Rng, sound: &[bool], spared: Option<usize>) -> Option<OwnedMutexGuard<Worker>> {
        let place = rng.random_range(0..self.workers.len());
        let others = sound.iter().enumerate().any(|(other, sound)| other != place && *sound);
        let target = self.workers.get(place).filter(|_| others && spared != Some(place))?;
        Arc::clone(&target.worker).try_lock_owned().ok()
    }

    /// Of each worker: nothing has hit it, and every coordinator that answers calls it. The first coordinator always should.
    async fn sound(&self) -> Vec<bool> {
        let mut ready = Vec::new();
        for (place, url) in self.coordinators.iter().enumerate() {
            match timeout(GLANCE, fleet::cluster(url)).await {
                Ok(Ok(cluster)) => ready.push(fleet::ready_of(&cluster)),
                Ok(Err(_)) | Err(_) if place == 0 => return vec![false; self.workers.len()],
                Ok(Err(_)) | Err(_) => {}
            }
        }
        let sound =
            |target: &Target| target.worker.try_lock().is_ok() && ready.iter().all(|ready| ready.contains(&target.url));
        self.workers.iter().map(sound).collect()
    }
}

//! One subject in one round.

use std::path::Path;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use futures_util::future;

use crate::call::Tool;
use crate::figure::Figure;
use crate::link::Place;
use crate::number::percentile;
use crate::options::Amount;
use crate::options::Options;
use crate::piped::Piped;
use crate::process::Process;
use crate::run::Fault;
use crate::run::Figures;
use crate::running::Running;
use crate::session;
use crate::session::Session;
use crate::subject::Kind;
use crate::subject::Subject;

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * KIB;
/// After this long what was done has left behind what stays.
const SETTLED: Duration = Duration::from_millis(300);
/// Sessions that make calls at the same time.
const SESSIONS: usize = 16;
/// Calls of each at the same time.
const EACH: usize = 4;
/// Connections that are opened at the same time.
const OPENING: usize = 8;

/// Measures all that the subject can do; each kind of work with a fresh server, so that none
/// leaves its memory to the next.
pub(crate) fn round(
    subject: Subject,
    options: &Options,
    folder: &Path,
    figures: &mut Figures,
) -> Result<(), Fault> {
    let amount =
        if subject.is_slow() { options.amount.for_slow_subjects() } else { options.amount };
    let mut measurement = Measurement { subject, options, folder, amount, figures };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match subject.kind {
            Kind::Pipe => return measurement.pipe(),
            Kind::Accept => return measurement.connections().await,
            _ => {}
        }
        measurement.calls().await?;
        measurement.large().await?;
        if subject.is_secure() {
            measurement.connections().await?;
            measurement.idle_connections().await?;
        }
        // Without pings, idle connections over HTTP/1.1 are closed before there are enough.
        if subject.is_http2 && matches!(subject.kind, Kind::Ours | Kind::Plain) {
            measurement.idle_sessions().await?;
        }
        Ok(())
    })
}

struct Measurement<'a> {
    subject: Subject,
    options: &'a Options,
    folder: &'a Path,
    amount: Amount,
    figures: &'a mut Figures,
}

impl Measurement<'_> {
    fn start(&self) -> Result<Running, Fault> {
        Running::start(self.subject, self.options, self.folder)
    }

    fn note(&mut self, figure: Figure, value: f64) {
        self.figures.insert(figure, value);
    }

    fn note_calls(&mut self, times: &[Duration], cpu: Duration) {
        let micro = || times.iter().map(|time| micros(*time));
        self.figures.extend(percentile(micro(), 0.5).map(|time| (Figure::Median, time)));
        self.figures.extend(percentile(micro(), 0.95).map(|time| (Figure::Percentile95, time)));
        self.note(Figure::CallCpu, micros(cpu) / times.len() as f64);
    }

    fn pipe(&mut self) -> Result<(), Fault> {
        let mut pipe = Piped::start()?;
        let _watch = pipe.process().watch();
        pipe.sequence(Tool::Echo, self.amount.calls / 10)?;
        let clock = Clock::start(pipe.process())?;
        let times = pipe.sequence(Tool::Echo, self.amount.calls)?;
        self.note_calls(&times, clock.stop()?);
        let times = pipe.sequence(Tool::Big, 1)?;
        self.note(Figure::Big, times.into_iter().map(millis).sum());
        Ok(())
    }

    async fn calls(&mut self) -> Result<(), Fault> {
        let (running, era) = (self.start()?, self.subject.era());
        let mut first = Session::open(&running.place, era).await?;
        first.sequence(Tool::Echo, self.amount.calls / 10).await?;
        tokio::time::sleep(SETTLED).await;
        let memory = running.process().memory()?;
        self.note(Figure::Resident, memory.resident / MIB);

        let clock = Clock::start(running.process())?;
        let times = first.sequence(Tool::Echo, self.amount.calls).await?;
        self.note_calls(&times, clock.stop()?);

        let mut clients = vec![first];
        let begun = Instant::now();
        for _ in 1..SESSIONS {
            clients.push(Session::open(&running.place, era).await?);
        }
        self.note(Figure::Open, millis(begun.elapsed()) / (SESSIONS - 1) as f64);
        for number in 0..SESSIONS * (EACH - 1) {
            let client = clients[number % SESSIONS].join().await?;
            clients.push(client);
        }
        let count = self.amount.flood;
        session::flood(&mut clients, Tool::Echo, count / 10).await?;
        let clock = Clock::start(running.process())?;
        let time = session::flood(&mut clients, Tool::Echo, count).await?;
        self.note(Figure::Rate64, count as f64 / time.as_secs_f64());
        self.note(Figure::CallCpu64, micros(clock.stop()?) / count as f64);
        Ok(())
    }

    async fn large(&mut self) -> Result<(), Fault> {
        let running = self.start()?;
        let mut session = Session::open(&running.place, self.subject.era()).await?;
        session.sequence(Tool::Echo, 10).await?;
        let process = running.process();
        let before = process.memory()?.resident;
        process.reset_peak()?;
        let clock = Clock::start(process)?;
        let times = session.sequence(Tool::Big, 1).await?;
        self.note(Figure::BigCpu, millis(clock.stop()?));
        self.note(Figure::Big, times.into_iter().map(millis).sum());
        self.note(Figure::BigGrowth, (process.peak()? - before) / MIB);
        tokio::time::sleep(SETTLED).await;
        self.note(Figure::BigKept, (process.memory()?.resident - before) / MIB);
        Ok(())
    }

    async fn connections(&mut self) -> Result<(), Fault> {
        let running = self.start()?;
        knock(&running.place, self.amount.connections / 10).await?;
        let clock = Clock::start(running.process())?;
        let begun = Instant::now();
        let count = knock(&running.place, self.amount.connections).await? as f64;
        self.note(Figure::ConnectionRate, count / begun.elapsed().as_secs_f64());
        self.note(Figure::ConnectionCpu, micros(clock.stop()?) / count);
        Ok(())
    }

    async fn idle_connections(&mut self) -> Result<(), Fault> {
        let running = self.start()?;
        let place = &running.place;
        let growth = self.growth(&running, async || place.open().await).await?;
        self.note(Figure::IdleConnection, growth);
        Ok(())
    }

    async fn idle_sessions(&mut self) -> Result<(), Fault> {
        let running = self.start()?;
        let (place, era) = (&running.place, self.subject.era());
        let growth = self.growth(&running, async || Session::open(place, era).await).await?;
        self.note(Figure::IdleSession, growth);
        Ok(())
    }

    /// Memory of the server for each thing that `open` opens, in KiB.
    async fn growth<T>(
        &self,
        running: &Running,
        open: impl AsyncFn() -> Result<T, Fault>,
    ) -> Result<f64, Fault> {
        // What is needed once is there after the first.
        let first = open().await?;
        tokio::time::sleep(SETTLED).await;
        let before = running.process().memory()?.resident;
        let each = self.amount.idle / OPENING;
        let opened = future::try_join_all((0..OPENING).map(async |_| {
            let mut opened = Vec::with_capacity(each);
            for _ in 0..each {
                opened.push(open().await?);
            }
            Ok::<_, Fault>(opened)
        }))
        .await?;
        tokio::time::sleep(SETTLED).await;
        let after = running.process().memory()?.resident;
        drop((first, opened));
        Ok((after - before) / KIB / (each * OPENING) as f64)
    }
}

/// Opens and closes so many connections; how many it were.
async fn knock(place: &Place, count: usize) -> Result<usize, Fault> {
    let each = count / OPENING;
    future::try_join_all((0..OPENING).map(async |_| {
        for _ in 0..each {
            place.knock().await?;
        }
        Ok::<_, Fault>(())
    }))
    .await?;
    Ok(each * OPENING)
}

/// The CPU that a process uses meanwhile.
struct Clock {
    process: Process,
    begun: Duration,
}

impl Clock {
    fn start(process: Process) -> Result<Self, Fault> {
        Ok(Self { process, begun: process.cpu()? })
    }

    fn stop(self) -> Result<Duration, Fault> {
        // Threads that have just answered put their work down first.
        thread::sleep(Duration::from_millis(2));
        Ok(self.process.cpu()?.saturating_sub(self.begun))
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

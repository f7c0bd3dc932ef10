//! One subject in one round.

use std::thread;
use std::time::Duration;

use crate::call;
use crate::call::Tool;
use crate::figure::Figure;
use crate::number::median;
use crate::number::percentile;
use crate::options::Amount;
use crate::options::Options;
use crate::run::Fault;
use crate::run::Figures;
use crate::server::Server;
use crate::subject::Running;
use crate::subject::Start;
use crate::subject::Subject;

const MIB: f64 = 1024.0 * 1024.0;
/// After this long what a call left behind is what stays.
const SETTLED: Duration = Duration::from_millis(300);

/// Measures everything that the subject can do.
pub(crate) fn round(
    subject: Subject,
    options: &Options,
    server: &Server,
) -> Result<Figures, Fault> {
    let amount = match subject {
        Subject::Original => options.amount.for_slow_subjects(),
        _ => options.amount,
    };
    let mut starts = Vec::new();
    for _ in 1..amount.starts {
        starts.push(Running::start(subject, options, server)?.start);
    }
    let running = Running::start(subject, options, server)?;
    starts.push(running.start);
    let mut measurement = Measurement { running, amount, figures: Figures::new() };
    measurement.starts(&starts);
    measurement.idle()?;
    measurement.calls()?;
    measurement.floods()?;
    if subject != Subject::Pipe {
        measurement.slow_calls()?;
    }
    measurement.large()?;
    measurement.events()?;
    measurement.end()
}

struct Measurement {
    running: Running,
    amount: Amount,
    figures: Figures,
}

impl Measurement {
    fn note(&mut self, figure: Figure, value: f64) {
        self.figures.insert(figure, value);
    }

    fn starts(&mut self, starts: &[Start]) {
        let cpu = median(starts.iter().map(|start| millis(start.cpu)));
        let wall = median(starts.iter().map(|start| millis(start.wall)));
        self.figures.extend(cpu.map(|cpu| (Figure::StartCpu, cpu)));
        self.figures.extend(wall.map(|wall| (Figure::StartWall, wall)));
    }

    fn idle(&mut self) -> Result<(), Fault> {
        // The first call waits until the handshake of MCP is over.
        self.running.sequence(Tool::Echo, 1)?;
        thread::sleep(SETTLED);
        let memory = self.running.process().memory()?;
        self.note(Figure::Resident, memory.resident / MIB);
        self.note(Figure::Proportional, memory.proportional / MIB);
        let pause = self.amount.idle;
        let ((), cpu) = self.with_cpu(|_| {
            thread::sleep(pause);
            Ok(())
        })?;
        self.note(Figure::IdleCpu, millis(cpu) / pause.as_secs_f64());
        Ok(())
    }

    fn calls(&mut self) -> Result<(), Fault> {
        let count = self.amount.calls;
        self.running.sequence(Tool::Echo, count / 10)?;
        let (times, cpu) = self.with_cpu(|running| running.sequence(Tool::Echo, count))?;
        let times = || times.iter().map(|time| micros(*time));
        self.figures.extend(percentile(times(), 0.5).map(|time| (Figure::Median, time)));
        self.figures.extend(percentile(times(), 0.95).map(|time| (Figure::Percentile95, time)));
        self.note(Figure::CallCpu, micros(cpu) / count as f64);
        Ok(())
    }

    fn floods(&mut self) -> Result<(), Fault> {
        let count = self.amount.flood;
        for (in_flight, figure) in [(1, Figure::Rate1), (16, Figure::Rate16), (64, Figure::Rate64)]
        {
            // Opens the connections that HTTP/1.1 needs.
            self.running.flood(Tool::Echo, 4 * in_flight, in_flight)?;
            let (time, cpu) =
                self.with_cpu(|running| running.flood(Tool::Echo, count, in_flight))?;
            self.note(figure, count as f64 / time.as_secs_f64());
            if in_flight == 64 {
                self.note(Figure::CallCpu64, micros(cpu) / count as f64);
            }
        }
        Ok(())
    }

    fn slow_calls(&mut self) -> Result<(), Fault> {
        let count = self.amount.slow_calls;
        self.running.flood(Tool::Slow, 64, 64)?;
        let time = self.running.flood(Tool::Slow, count, 64)?;
        self.note(Figure::SlowRate, count as f64 / time.as_secs_f64());
        Ok(())
    }

    fn large(&mut self) -> Result<(), Fault> {
        let [time, cpu, growth, kept] = self.one_large(Tool::Big)?;
        self.note(Figure::Big, time);
        self.note(Figure::BigCpu, cpu);
        self.note(Figure::BigGrowth, growth);
        self.note(Figure::BigKept, kept);
        let [time, cpu, growth, kept] = self.one_large(Tool::BigEvent)?;
        self.note(Figure::BigEvent, time);
        self.note(Figure::BigEventCpu, cpu);
        self.note(Figure::BigEventGrowth, growth);
        self.note(Figure::BigEventKept, kept);
        let times = self.running.sequence(Tool::Sink, 5)?;
        self.figures
            .extend(median(times.iter().map(|time| millis(*time))).map(|time| (Figure::Up, time)));
        Ok(())
    }

    /// Time and CPU in ms, growth at the most and afterwards in MiB.
    fn one_large(&mut self, tool: Tool) -> Result<[f64; 4], Fault> {
        let process = self.running.process();
        let before = process.memory()?.resident;
        process.reset_peak()?;
        let (times, cpu) = self.with_cpu(|running| running.sequence(tool, 1))?;
        let peak = process.peak()?;
        thread::sleep(SETTLED);
        let after = process.memory()?.resident;
        let time = times.iter().sum();
        Ok([millis(time), millis(cpu), (peak - before) / MIB, (after - before) / MIB])
    }

    fn events(&mut self) -> Result<(), Fault> {
        let count = self.amount.events;
        self.running.sequence(Tool::Events(count / 10), 1)?;
        let (times, cpu) = self.with_cpu(|running| running.sequence(Tool::Events(count), 1))?;
        let time: Duration = times.iter().sum();
        self.note(Figure::Events, count as f64 / time.as_secs_f64());
        self.note(Figure::EventCpu, micros(cpu) / count as f64);
        Ok(())
    }

    fn end(mut self) -> Result<Figures, Fault> {
        // A subject that does not end has no figure.
        if let Some(time) = self.running.end()? {
            self.figures.insert(Figure::End, millis(time));
        }
        Ok(self.figures)
    }

    /// What `work` gives, and the CPU that the subject used meanwhile.
    fn with_cpu<T>(
        &mut self,
        work: impl FnOnce(&mut Running) -> Result<T, Fault>,
    ) -> Result<(T, Duration), Fault> {
        let before = self.running.process().cpu()?;
        let result = work(&mut self.running)?;
        Ok((result, self.running.process().cpu()?.saturating_sub(before)))
    }
}

/// The large result in MiB.
pub(crate) fn big_mib() -> f64 {
    call::BIG as f64 / MIB
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

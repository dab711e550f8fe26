//! The command line that all programs share.

use std::time::Duration;

/// What to measure, and how.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Threads to use; as many as there are cores if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Only cases whose name contains this.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Seconds a measurement takes.
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = duration)]
    seconds: Duration,
}

/// A number of seconds that a measurement can reasonably take.
fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|s| (1e-3..=3600.0).contains(s));
    let seconds = seconds.ok_or("not a number from 0.001 to 3600")?;
    Ok(Duration::from_secs_f64(seconds))
}

impl Options {
    /// Threads to use.
    #[must_use]
    pub fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(cores, usize::from)
    }

    /// How long a measurement takes.
    #[must_use]
    pub fn budget(&self) -> Duration {
        self.seconds
    }

    /// Whether the case of this name is asked for.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        let only = self.only.as_deref();
        only.is_none_or(|only| name.contains(only))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        options: Options,
    }

    fn parse(arguments: &[&str]) -> Result<Options, clap::Error> {
        let arguments = std::iter::once(&"program").chain(arguments);
        Ok(Program::try_parse_from(arguments)?.options)
    }

    #[test]
    fn only_filters_by_part_of_a_name() {
        let options = parse(&["--only", "W1", "--threads", "3"]).unwrap();
        assert!(options.wants("W1 forward") && !options.wants("W2"));
        assert!(parse(&[]).unwrap().wants("W2"));
        assert_eq!(options.threads(), 3);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert!(parse(&["--threads", "0"]).is_err());
        for seconds in ["-1", "0", "NaN", "inf", "1e9", "soon"] {
            assert!(parse(&["--seconds", seconds]).is_err(), "{seconds}");
        }
        let options = parse(&["--seconds", "0.25"]).unwrap();
        assert_eq!(options.budget(), Duration::from_millis(250));
    }
}

//! Schedules in words.

use std::fmt;

use super::Schedule;

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant => f.write_str("constant"),
            Self::CoolDown { from } => {
                write!(f, "falls to 0 over the last {:.0} %", (1.0 - from) * 100.0)
            }
            Self::Step { every, gamma } => write!(f, "times {gamma} every {every}"),
            Self::MultiStep { at, gamma } => {
                write!(f, "times {gamma} after ")?;
                listed(f, at, ", ")
            }
            Self::Exponential { gamma, per } => write!(f, "times {gamma} in {per}, exponential"),
            Self::Cosine { over, floor } => write!(f, "cosine to {floor} over {over}"),
            Self::CosineRestarts {
                first,
                growth,
                floor,
            } => write!(
                f,
                "cosine to {floor} over {first}, restarted {growth} times as long"
            ),
            Self::Linear { from, to, over } => write!(f, "line from {from} to {to} over {over}"),
            Self::Polynomial { over, power, floor } => {
                write!(f, "to {floor} with power {power} over {over}")
            }
            Self::OneCycle {
                over,
                rise,
                start,
                end,
            } => write!(
                f,
                "one cycle over {over}: from {start} to 1 in {:.0} %, then to {end}",
                rise * 100.0
            ),
            Self::Cyclic { period, rise } => {
                write!(f, "from 0 to 1 in {:.0} % of every {period}", rise * 100.0)
            }
            Self::Chain { first, then } => {
                first.fmt(f)?;
                then.iter()
                    .try_for_each(|(at, schedule)| write!(f, "; after {at}: {schedule}"))
            }
            Self::Product(factors) => listed(f, factors, ", times "),
        }
    }
}

fn listed<D: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    items: &[D],
    separator: &str,
) -> fmt::Result {
    items.iter().enumerate().try_for_each(|(i, item)| {
        f.write_str(if i == 0 { "" } else { separator })?;
        item.fmt(f)
    })
}

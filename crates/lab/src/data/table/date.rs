//! [`Dates`]: how a column writes its dates, and the number that a date is.

use serde::{Deserialize, Serialize};

/// The order of day, month and year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dates {
    /// 2020-01-31, 2020/01/31, 2020-01, each with or without a time.
    YearFirst,
    /// 31.01.2020, 31/1/20
    DayFirst,
    /// 01/31/2020
    MonthFirst,
    /// 20200131
    Compact,
    /// 13:45, 1:45:30 pm
    Clock,
}

impl Dates {
    /// How all of `cells` can be read, if they can, and whether day and month could as well be the other
    /// way round.
    pub(super) fn of<'a>(cells: impl Iterator<Item = &'a str> + Clone) -> Option<(Self, bool)> {
        let first = cells.clone().next()?;
        let all = |dates: &Dates| cells.clone().all(|cell| dates.read(cell).is_some());
        let [day, month] = [Dates::DayFirst, Dates::MonthFirst].map(|dates| all(&dates));
        if day && month {
            // Names of months are clear, and so are 1/1 and 2/2.
            let same = |cell| Dates::DayFirst.read(cell) == Dates::MonthFirst.read(cell);
            let open = !cells.clone().all(same);
            // Points are Europe's, strokes mostly America's.
            let american = open && first.contains('/');
            return Some((if american { Dates::MonthFirst } else { Dates::DayFirst }, open));
        }
        let others = [Dates::YearFirst, Dates::Compact, Dates::Clock];
        let found = match (day, month) {
            (true, _) => Some(Dates::DayFirst),
            (_, true) => Some(Dates::MonthFirst),
            _ => others.into_iter().find(all),
        };
        found.map(|dates| (dates, false))
    }

    /// Days since 1970-01-01, or of times of day, hours since midnight.
    pub(super) fn read(self, cell: &str) -> Option<f64> {
        match self {
            Dates::Clock => clock(cell),
            Dates::Compact => {
                let is_compact = cell.len() == 8 && cell.bytes().all(|byte| byte.is_ascii_digit());
                let cell = is_compact.then_some(cell)?;
                let year = cell[..4].parse().ok().filter(|year| (1800..2200).contains(year))?;
                day_number(year, cell[4..6].parse().ok()?, cell[6..].parse().ok()?)
            }
            _ => {
                let (date, time) = parted(cell);
                let day = self.day(date)?;
                Some(day + time.map_or(Some(0.0), clock)? / 24.0)
            }
        }
    }

    /// A date of which the order of the parts is known.
    fn day(self, date: &str) -> Option<f64> {
        let mut parts = date.split(['-', '/', '.', ' ', ',']).filter(|part| !part.is_empty());
        let [first, second, third] = [parts.next()?, parts.next()?, parts.next().unwrap_or("")];
        if parts.next().is_some() {
            return None;
        }
        let digits = |part: &str| -> Option<i64> {
            let sound = (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            sound.then(|| part.parse().ok())?
        };
        let year = |part: &str| match part.len() {
            4 => digits(part),
            // As POSIX has it: 69 is 1969, 68 is 2068.
            2 => digits(part).map(|year| if year < 69 { 2000 + year } else { 1900 + year }),
            _ => None,
        };
        let short = |part: &str| if part.len() <= 2 { digits(part) } else { None };
        // A month with a name says itself what is what.
        if let Some(month) = month(first) {
            return day_number(year(third)?, month, short(second)?);
        }
        if let Some(month) = month(second) {
            return match first.len() {
                4 => day_number(digits(first)?, month, short(third)?),
                _ => day_number(year(third)?, month, short(first)?),
            };
        }
        // With digits alone one mark stands between all parts, and no space.
        let mark = date.chars().find(|c| !c.is_ascii_digit())?;
        if !"-/.".contains(mark) || date.chars().any(|c| !c.is_ascii_digit() && c != mark) {
            return None;
        }
        match self {
            Dates::YearFirst if third.is_empty() && mark != '.' && first.len() == 4 => {
                day_number(digits(first)?, short(second).filter(|_| second.len() == 2)?, 1)
            }
            Dates::YearFirst if first.len() == 4 => {
                day_number(digits(first)?, short(second)?, short(third)?)
            }
            Dates::DayFirst => day_number(year(third)?, short(second)?, short(first)?),
            Dates::MonthFirst => day_number(year(third)?, short(first)?, short(second)?),
            _ => None,
        }
    }

    /// What a value of [`Dates::read`] says, without the time of day.
    pub(super) fn write(self, value: f64) -> String {
        if self == Dates::Clock {
            return format!("{:.0}:{:02.0}", value.floor(), (value.fract() * 60.0).floor());
        }
        let (year, month, day) = civil(value.floor() as i64);
        format!("{year:04}-{month:02}-{day:02}")
    }
}

/// Date and time: "2020-01-31T12:00", "1.2.2020 12:00".
fn parted(cell: &str) -> (&str, Option<&str>) {
    let time_begins = |at: usize| {
        let rest = cell[at..].trim_start_matches(['T', ' ']);
        rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains(':')
    };
    let digit_before = |at: usize| cell[..at].ends_with(|c: char| c.is_ascii_digit());
    let space = cell
        .char_indices()
        .find(|&(at, c)| (c == 'T' || c == ' ') && digit_before(at) && time_begins(at))
        .filter(|&(at, _)| cell[at + 1..].find(':').is_some_and(|colon| colon <= 3));
    match space {
        Some((at, _)) => (cell[..at].trim_end(), Some(cell[at + 1..].trim())),
        None => (cell, None),
    }
}

/// Hours: "13:45", "13:45:30.5", "1:45 pm", "13:45Z", "13:45+02:00" (to UTC).
fn clock(cell: &str) -> Option<f64> {
    let number = |text: &str, digits: std::ops::RangeInclusive<usize>| -> Option<f64> {
        let sound = digits.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        sound.then(|| text.parse().ok())?
    };
    let lower = cell.to_ascii_lowercase();
    let (lower, half) = match (lower.strip_suffix("am"), lower.strip_suffix("pm")) {
        (Some(rest), _) => (rest.trim_end(), Some(0.0)),
        (_, Some(rest)) => (rest.trim_end(), Some(12.0)),
        _ => (&lower[..], None),
    };
    let lower = lower.strip_suffix("utc").or(lower.strip_suffix('z')).unwrap_or(lower).trim_end();
    let (lower, zone) = match lower.rfind(['+', '-']) {
        Some(at) => {
            let sign = if lower[at..].starts_with('+') { 1.0 } else { -1.0 };
            let zone = lower[at + 1..].replace(':', "");
            let hours = number(zone.get(..2)?, 2..=2)?;
            let minutes = if zone.len() == 2 { 0.0 } else { number(zone.get(2..)?, 2..=2)? };
            (lower[..at].trim_end(), sign * (hours + minutes / 60.0))
        }
        None => (lower, 0.0),
    };
    let mut parts = lower.split(':');
    let hours = number(parts.next()?, 1..=2)?;
    let minutes = number(parts.next()?, 2..=2).filter(|minutes| *minutes < 60.0)?;
    let seconds = match parts.next() {
        Some(text) => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
            let fraction = number(fraction, 1..=9)? / 10f64.powi(fraction.len() as i32);
            number(whole, 2..=2).filter(|seconds| *seconds < 61.0)? + fraction
        }
        None => 0.0,
    };
    let hours = match half {
        Some(half) if (1.0..=12.0).contains(&hours) => hours % 12.0 + half,
        None if hours <= 24.0 => hours,
        _ => return None,
    };
    parts.next().is_none().then_some(hours + minutes / 60.0 + seconds / 3600.0 - zone)
}

/// 1 to 12, of an English name or its first three letters.
fn month(name: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let name = name.to_ascii_lowercase();
    let is = |month: &&str| **month == name || name.len() == 3 && month.starts_with(&name);
    MONTHS.iter().position(is).map(|at| at as i64 + 1).or((name == "sept").then_some(9))
}

/// Days since 1970-01-01 of a date that there is; the algorithm is Howard Hinnant's `days_from_civil`.
fn day_number(year: i64, month: i64, day: i64) -> Option<f64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some((era * 146_097 + days - 719_468) as f64)
}

/// Year, month and day, so many days after 1970-01-01; `civil_from_days` of the same author.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(datetime.date(y, m, d) - datetime.date(1970, 1, 1)).days`
    #[test]
    fn dates_are_days() {
        use Dates::*;
        for (cell, dates, expected) in [
            ("1970-01-01", YearFirst, Some(0.0)),
            ("2020-02-29", YearFirst, Some(18321.0)),
            ("2020/2/29", YearFirst, Some(18321.0)),
            ("1899-12-31", YearFirst, Some(-25568.0)),
            ("2020-03", YearFirst, Some(18322.0)),
            ("2020-02-29T12:00:00Z", YearFirst, Some(18321.5)),
            ("2020-02-29 12:00:00.000", YearFirst, Some(18321.5)),
            ("2020-02-29T00:00:00+12:00", YearFirst, Some(18320.5)),
            ("29.2.2020", DayFirst, Some(18321.0)),
            ("29/02/20", DayFirst, Some(18321.0)),
            ("2/29/2020 6:00 PM", MonthFirst, Some(18321.75)),
            ("29 Feb 2020", DayFirst, Some(18321.0)),
            ("Feb 29, 2020", MonthFirst, Some(18321.0)),
            ("29-February-2020", YearFirst, Some(18321.0)),
            ("20200229", Compact, Some(18321.0)),
            ("6:30", Clock, Some(6.5)),
            ("18:45:36", Clock, Some(18.76)),
            ("2019-02-29", YearFirst, None),
            ("2020-13-01", YearFirst, None),
            ("13/13/2020", MonthFirst, None),
            ("1.5", DayFirst, None),
            ("2020.03", YearFirst, None),
            ("1-2/2020", DayFirst, None),
            ("10.1.2.3", DayFirst, None),
            ("555-123-4567", MonthFirst, None),
            ("25:61", Clock, None),
            ("12:30:", Clock, None),
            ("ü:30", Clock, None),
            ("", YearFirst, None),
        ] {
            let found = dates.read(cell);
            let same = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
                (found, expected) => found == expected,
            };
            assert!(same, "{cell}: {found:?}");
        }
        for day in (-800_000..800_000).step_by(997) {
            let (year, month, of_month) = civil(day);
            assert_eq!(day_number(year, month, of_month), Some(day as f64));
        }
        assert_eq!(YearFirst.write(18321.7), "2020-02-29");
        assert_eq!(Clock.write(6.5), "6:30");
    }

    #[test]
    fn a_column_says_what_comes_first() {
        let of = |cells: &[&str]| Dates::of(cells.iter().copied());
        assert_eq!(of(&["2020-01-31", "2020-02-01T10:00"]), Some((Dates::YearFirst, false)));
        assert_eq!(of(&["1/2/2020", "13/2/2020"]), Some((Dates::DayFirst, false)));
        assert_eq!(of(&["1/2/2020", "2/13/2020"]), Some((Dates::MonthFirst, false)));
        assert_eq!(of(&["1/2/2020", "3/4/2020"]), Some((Dates::MonthFirst, true)));
        assert_eq!(of(&["1.2.2020", "3.4.2020"]), Some((Dates::DayFirst, true)));
        assert_eq!(of(&["1 May 2020", "3 June 2020"]), Some((Dates::DayFirst, false)));
        assert_eq!(of(&["1/2/2020", "soon"]), None);
        assert_eq!(of(&[]), None);
    }
}

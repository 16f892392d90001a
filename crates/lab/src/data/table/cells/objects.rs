//! JSON Lines: an object a line, whose keys are the columns.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::{Cells, MOST_CELLS, Row};
use crate::{Error, Result};

/// More keys are no columns of a table.
const MOST_COLUMNS: usize = 1 << 16;

impl Cells {
    /// Reads the objects of `text`, and the names of the columns in the order in which keys appear. A key
    /// that a line lacks is an empty cell there, as `null` is; empty lines are no rows.
    ///
    /// # Errors
    /// A line that is no object, or one with a key twice or with lists and objects in it; too many cells.
    pub fn by_objects(path: &Path, text: &str) -> Result<(Self, Vec<Row>, Vec<String>)> {
        let mut names: Vec<String> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut lines: Vec<(usize, Vec<(usize, String)>)> = Vec::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let refuse =
                |problem: String| Error::malformed(path, format!("line {}", at + 1), problem);
            let Object(fields) = serde_json::from_str(line)
                .map_err(|error| refuse(format!("no object of single values: {error}")))?;
            let mut row: Vec<(usize, String)> = Vec::with_capacity(fields.len());
            for (name, value) in fields {
                let place = match places.get(&name) {
                    Some(place) => *place,
                    None if names.len() == MOST_COLUMNS => {
                        return Err(refuse(format!("more than {MOST_COLUMNS} different keys")));
                    }
                    None => {
                        places.insert(name.clone(), names.len());
                        names.push(name.clone());
                        names.len() - 1
                    }
                };
                row.push((place, value));
            }
            row.sort_by_key(|(place, _)| *place);
            if let Some(pair) = row.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                return Err(refuse(format!("the key {:?} stands in it twice", names[pair[0].0])));
            }
            lines.push((at + 1, row));
        }
        // Each line may bring a key that all others lack: a small file is then a large table.
        if lines.len().saturating_mul(names.len()) > MOST_CELLS {
            let problem = format!("{} lines of {} keys are too many", lines.len(), names.len());
            return Err(Error::malformed(path, "keys", problem));
        }
        let (mut cells, mut rows) = (Self::default(), Vec::with_capacity(lines.len()));
        for (line, row) in lines {
            let first = cells.ends.len() as u32;
            let mut fields = row.into_iter().peekable();
            for column in 0..names.len() {
                if let Some((_, value)) = fields.next_if(|(place, _)| *place == column) {
                    cells.text.push_str(value.trim());
                }
                cells.end(path, line)?;
            }
            rows.push(Row { line: line as u32, count: names.len() as u32, first });
        }
        Ok((cells, rows, names))
    }
}

/// Keys and values in the order in which they stand.
struct Object(Vec<(String, String)>);

/// A single value as text; of `null` nothing.
struct Value(String);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Object, A::Error> {
                let mut fields = Vec::new();
                while let Some((key, Value(value))) = map.next_entry()? {
                    fields.push((key, value));
                }
                Ok(Object(fields))
            }
        }
        from.deserialize_map(Fields)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Single;
        impl<'de> Visitor<'de> for Single {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number, text, true, false or null")
            }

            fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
                Ok(Value(value.to_string()))
            }

            fn visit_i64<E>(self, value: i64) -> std::result::Result<Value, E> {
                Ok(Value(value.to_string()))
            }

            fn visit_u64<E>(self, value: u64) -> std::result::Result<Value, E> {
                Ok(Value(value.to_string()))
            }

            fn visit_f64<E>(self, value: f64) -> std::result::Result<Value, E> {
                Ok(Value(value.to_string()))
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Value, E> {
                Ok(Value(value.to_owned()))
            }

            fn visit_unit<E>(self) -> std::result::Result<Value, E> {
                Ok(Value(String::new()))
            }
        }
        from.deserialize_any(Single)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Vec<String>, Vec<Vec<String>>)> {
        let (cells, rows, names) = Cells::by_objects(Path::new("t.jsonl"), text)?;
        let row = |row: &Row| (0..names.len()).map(|at| cells.of(row, at).to_owned()).collect();
        Ok((names.clone(), rows.iter().map(row).collect()))
    }

    #[test]
    fn keys_are_columns_wherever_they_stand() {
        let text = "{\"b\": 1.50, \"a\": \" x \"}\r\n\n{\"a\": null, \"c\": true}\n\
                    {\"c\": \"\\u00e9\", \"b\": -12345678901234567890}\n";
        let (names, rows) = read(text).unwrap();
        assert_eq!(names, ["b", "a", "c"]);
        assert_eq!(rows, [["1.5", "x", ""], ["", "", "true"], ["-12345678901234567000", "", "é"]]);
        assert_eq!(read("").unwrap(), (Vec::new(), Vec::new()));
    }

    #[test]
    fn what_is_no_row_is_refused_with_its_line() {
        for (text, expected) in [
            (
                "{\"a\": 1}\n[1]\n",
                "t.jsonl: line 2: no object of single values: invalid type: sequence",
            ),
            (
                "{\"a\": [1]}",
                "line 1: no object of single values: invalid type: sequence, expected a number",
            ),
            ("{\"a\": {\"b\": 1}}", "line 1: no object of single values: invalid type: map"),
            ("{\"a\": 1} x", "line 1: no object of single values: trailing characters"),
            ("{\"a\": 1, \"a\": 2}", "line 1: the key \"a\" stands in it twice"),
            ("{", "line 1: no object of single values: EOF"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn a_small_file_is_no_table_that_fills_the_memory() {
        let text: String = (0..70_000).map(|at| format!("{{\"k{at}\":1}}\n")).collect();
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains("line 65537: more than 65536 different keys"), "{error}");
        let text: String = (0..20_000).map(|at| format!("{{\"k{at}\":1}}\n")).collect();
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains("keys: 20000 lines of 20000 keys are too many"), "{error}");
    }
}

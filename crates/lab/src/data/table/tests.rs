use super::super::{DataPath, files};
use super::*;
use proptest::prelude::*;
use std::fs;
use std::num::NonZeroI64;

fn recipe(path: &Path, more: &str) -> TableRecipe {
    let text = format!("path = {:?}\n{more}", path.to_str().unwrap());
    toml::from_str(&text).unwrap()
}

fn load(text: &str, more: &str) -> Result<Table> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    fs::write(&path, text).unwrap();
    Table::load(&recipe(&path, more))
}

const PETS: &str = "id,age,colour,legs,kind\n\
    x1,1.5,red,4,cat\nx2,2,blue,4,dog\nx3,-3,red,4,cat\nx4,4e0,green,4,dog\n";

/// However a table is written, a model sees the same.
#[test]
fn json_lines_are_a_table() {
    let csv = load("age,colour,kind\n1.5,red,cat\n2,,dog\n-3,red,cat\n4,blue,dog\n", "").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.jsonl");
    let text = "{\"age\": 1.5, \"colour\": \"red\", \"kind\": \"cat\"}\n\
        {\"kind\": \"dog\", \"age\": 2}\n{\"age\": -3, \"colour\": \"red\", \"kind\": \"cat\"}\n\
        {\"age\": 4.0, \"colour\": \"blue\", \"kind\": \"dog\"}\n";
    for (name, bytes) in
        [("t.jsonl", text.as_bytes().to_vec()), ("t.NDJSON.gz", files::gzip(text.as_bytes()))]
    {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let json = Table::load(&recipe(&path, "target = 'kind'")).unwrap();
        assert_eq!((&json.columns, &json.features), (&csv.columns, &csv.features), "{name}");
        assert_eq!((&json.examples, json.separator), (&csv.examples, "a JSON object in each line"));
        let rows = rows(&path, &json.columns).unwrap();
        assert_eq!((rows.lines, rows.inputs.len()), (vec![1, 2, 3, 4], json.features.len() * 4));
    }
    for (text, expected) in [
        ("", "t.jsonl: line 1: there are no rows"),
        ("{\"a\": 1}\n", "t.jsonl: line 1: 1 key, expected a class and what it depends on"),
        ("{\"a\": 1, \"kind\": \"x\"}\n{\"a\": []}", "t.jsonl: line 2: no object of single values"),
    ] {
        fs::write(&path, text).unwrap();
        let error = Table::load(&recipe(&path, "target = 'kind'")).unwrap_err();
        assert!(error.to_string().contains(expected) && error.exit_code() == 2, "{error}");
    }
}

#[test]
fn types_are_inferred() {
    let table = load(PETS, "").unwrap();
    let kinds: Vec<String> = table.columns.iter().map(|column| column.describe()).collect();
    assert_eq!(
        kinds,
        [
            "left out: 4 different names",
            "numeric, -3 to 4",
            "3 categories: blue, green, red",
            "left out: \"4\" in every row",
            "the class"
        ]
    );
    assert_eq!(table.features, ["age", "colour=blue", "colour=green", "colour=red"]);
    let examples = &table.examples;
    assert_eq!((examples.shape, &examples.labels[..]), (Shape::Row(4), &[0, 1, 0, 1][..]));
    assert_eq!(examples.classes, ["cat", "dog"]);
    let Inputs::Numbers(numbers) = &examples.inputs else { panic!() };
    assert_eq!(numbers[..8], [1.5, 0., 0., 1., 2., 1., 0., 0.]);
    assert_eq!((table.separator, table.has_header), ("comma between the values", true));
}

#[test]
fn the_recipe_may_know_better() {
    let table = load(PETS, "target = \"colour\"\nignore = [1]\ncategorical = [\"age\"]");
    // Three colours in four rows are no classes yet.
    assert!(table.unwrap_err().to_string().contains("3 different values in 4 rows"));
    let table =
        load(PETS, "target = -1\nignore = [1, \"colour\"]\ncategorical = [\"age\"]").unwrap();
    assert_eq!(table.features, ["age=-3", "age=1.5", "age=2", "age=4e0"]);
    let numbers = load("1 10 9\n2 9 9\n1 9 9\n2 10 8\n", "target = 2").unwrap();
    assert_eq!(numbers.examples.classes, ["9", "10"]);
    let first = load("1,2\n3,4\n1,3\n3,3\n", "header = true\ntarget = 1").unwrap();
    assert_eq!((first.examples.len(), &first.columns[0].name[..]), (3, "1"));
}

#[test]
fn a_test_file_is_read_like_the_training_file() {
    let folder = tempfile::tempdir().unwrap();
    let [train, test] = ["a.csv", "b.csv"].map(|name| folder.path().join(name));
    fs::write(&train, PETS).unwrap();
    let more = format!("test_path = {:?}", test.to_str().unwrap());
    let load = |text: &str| {
        fs::write(&test, text).unwrap();
        Table::load(&recipe(&train, &more))
    };
    let header = "id,age,colour,legs,kind\n";
    let table = load(&format!("{header}y,7,green,3,dog\n")).unwrap();
    let Inputs::Numbers(numbers) = table.test.unwrap().inputs else { panic!() };
    assert_eq!(numbers, [7., 0., 1., 0.]);
    for (text, expected) in [
        ("y,7,red,4,cow", "line 2, column 5 (kind): the class \"cow\" is not among"),
        ("y,old,red,4,dog", "line 2, column 2 (age): \"old\" is no number"),
    ] {
        let error = load(&format!("{header}{text}\n")).unwrap_err().to_string();
        assert!(error.contains("b.csv: ") && error.contains(expected), "{error}");
    }
    // One row's strange category or gap is that row's.
    let table = load(&format!("{header}y,7,pink,4,dog\ny,,red,4,cat\ny,1,red,4,\n")).unwrap();
    let Inputs::Numbers(numbers) = table.test.unwrap().inputs else { panic!() };
    assert_eq!((&numbers[..4], &numbers[5..]), (&[7., 0., 0., 0.][..], &[0., 0., 1.][..]));
    assert!(numbers[4].is_nan());
    for (note, expected) in table.notes.iter().zip([
        "of the test file, 1 of 3 rows are left out: column 5 (kind) is empty there",
        "training rows do not have, seen as none of theirs: 1 in colour",
        "values missing in the test file, and never in training rows: 1 in age",
    ]) {
        assert!(note.contains(expected), "{note}");
    }
    let error = load("id,size,colour,legs,kind\ny,7,green,4,dog\n").unwrap_err().to_string();
    assert!(error.contains("the columns are id, size, "), "{error}");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let numbers = "a,b\n".to_owned() + &"1,0\n2,1\n".repeat(10);
    for (text, expected) in [
        (
            PETS.replace("dog", "NA").replace("cat", ""),
            "column 5 (kind): the class is missing in all 4 rows",
        ),
        (PETS.replace("dog", "cat"), "all 4 training examples are of one class, \"cat\""),
        (numbers.clone() + "1.2.3,0\n", "line 22, column 1 (a): \"1.2.3\" is no number, as nearly"),
        (numbers + "1e99,0\n", "line 22, column 1 (a): 1e99 is too large"),
        (
            "a,b\n1,0\n1,1\n1,0\n1,1\n".to_owned(),
            "columns: no column is left that the class could depend on (a is left out: \"1\" in every \
             row)",
        ),
        ("a,a,b\n1,2,x\n".to_owned(), "line 1: two columns are named \"a\"; ignored by that name"),
        ("a,b,c\n".to_owned(), "line 2: there are no rows"),
    ] {
        let error = load(&text, "").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let error = error.to_string();
        assert!(error.contains("t.csv: ") && error.contains(expected), "{error}");
    }
    assert!(
        load(PETS, "target = \"weight\"").unwrap_err().to_string().contains("there are id, age")
    );
}

/// Marks with three digits behind each are two numbers; what decides is found, or what was taken is said.
#[test]
fn marks_are_read_by_evidence_or_with_a_word() {
    let of = |rows: [&str; 4]| {
        let text = rows.iter().enumerate().map(|(at, row)| format!("{row};{}\n", at % 2));
        load(&("x;y;kind\n".to_owned() + &text.collect::<String>()), "").unwrap()
    };
    let first = |table: &Table| table.columns[0].describe();
    // Another column has decimal commas, or a cell has two marks: thousands, and nothing to say.
    for rows in
        [["574;1,5", "5.196;2,5", "1.230;3", "7;4"], ["574;1", "5.196;2", "1.234.567;3", "7;9"]]
    {
        let table = of(rows);
        let expected = "(marks between thousands, decimal comma)";
        assert!(first(&table).ends_with(expected), "{}", first(&table));
        assert_eq!(table.notes, [""; 0]);
    }
    // Another column has decimal points: so has this one.
    let table = of(["574;1.5", "5.196;2.5", "1.230;3", "7;4"]);
    assert_eq!((first(&table), table.notes), ("numeric, 1.23 to 574".to_owned(), Vec::new()));
    let table = of(["574;2.5", "5,196;2.5", "1,230;3", "7;4"]);
    assert!(first(&table).starts_with("numeric, 7 to 5196"), "{}", first(&table));
    // Nothing tells.
    let table = of(["574;1", "5.196;2", "1.230;5", "7;4"]);
    assert_eq!(first(&table), "numeric, 1.23 to 574");
    assert_eq!(
        table.notes,
        [
            "column 1 (x): the marks in 5.196 and its like are taken as those before a fraction: nothing \
          tells; if they stand between thousands, write 5196"
        ]
    );
    let table = of(["574;1", "5,196;2", "1,230;5", "7;4"]);
    assert!(table.notes[0].ends_with("between thousands, write 5196"), "{:?}", table.notes);
    let quoted = "x,kind\n574,a\n\"5,196\",b\n7,a\n\"1,230\",b\n";
    let table = load(quoted, "").unwrap();
    assert!(first(&table).starts_with("numeric, 7 to 5196"), "{}", first(&table));
    assert!(table.notes[0].ends_with("before a fraction, write 5.196"), "{:?}", table.notes);
}

/// What is predicted later is read as the training rows were.
#[test]
fn other_files_are_read_as_training_decided() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.csv");
    let read = |table: &Table, text: &str| {
        fs::write(&path, text).unwrap();
        rows(&path, &table.columns)
    };
    let thousands = "x;y;kind\n574;1,5;a\n5.196;2,5;b\n1.230;3;a\n7;4;b\n";
    let thousands = load(thousands, "").unwrap();
    assert_eq!(read(&thousands, "x;y\n5.196;2\n574;3\n").unwrap().inputs, [5196., 2., 574., 3.]);
    let points = load("x;y;kind\n574;1;a\n5.196;2;b\n1.230;5;a\n7;4;b\n", "").unwrap();
    assert_eq!(read(&points, "x;y\n5.196;2\n574;3\n").unwrap().inputs, [5.196, 2., 574., 3.]);
    let units = load("x,kind\n5 kg,a\n6.5 kg,b\n7kg,a\n8 kg,b\n", "").unwrap();
    assert_eq!(units.columns[0].describe(), "numeric, 5 to 8 (in kg)");
    assert_eq!(read(&units, "x,y\n5 kg,1\n9kg,2\n").unwrap().inputs, [5., 9.]);
    let error = read(&units, "x,y\n5 g,1\n9 kg,2\n").unwrap_err().to_string();
    assert!(error.contains("\"5 g\" is no number with kg"), "{error}");
}

#[test]
fn columns_of_one_name_can_be_left_out() {
    let text = "x,y,x,kind\n1,5,2,a\n2,7,9,b\n3,5,1,a\n4,8,3,b\n";
    let table = load(text, "ignore = [\"x\"]").unwrap();
    assert_eq!(table.features, ["y"]);
    assert_eq!(table.columns[2].describe(), "left out, as asked");
    // One of them by its number: the other is seen, and found again in a file with the same columns.
    let table = load(text, "ignore = [1]").unwrap();
    assert_eq!(table.features, ["y", "x"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.csv");
    fs::write(&path, "x,y,x,kind\n1,5,2,a\n2,7,9,b\n").unwrap();
    assert_eq!(rows(&path, &table.columns).unwrap().inputs, [5., 2., 7., 9.]);
    fs::write(&path, "x,y,x\n1,5,2\n2,7,9\n").unwrap();
    let error = rows(&path, &table.columns).unwrap_err().to_string();
    assert!(error.contains("two columns are named \"x\""), "{error}");
}

/// 40 of 300 rows are a quantity, unless the recipe insists; 27 of 4000 are classes.
#[test]
fn many_whole_numbers_are_no_classes() {
    let text = |rows: usize, values: usize| {
        let row = |at: usize| format!("{},{}\n", at * at % 31, at * 7 % values);
        "x,rings\n".to_owned() + &(0..rows).map(row).collect::<String>()
    };
    let error = load(&text(300, 40), "").unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let error = error.to_string();
    assert!(error.contains("column 2 (rings): 40 different whole numbers in 300 rows"), "{error}");
    let insisted = load(&text(300, 40), "categorical = [\"rings\"]").unwrap();
    assert_eq!(insisted.examples.classes.len(), 40);
    for (rows, values) in [(4000, 27), (300, 20)] {
        assert_eq!(load(&text(rows, values), "").unwrap().examples.classes.len(), values);
    }
}

#[test]
fn mixed_units_are_no_numbers() {
    let row = |at: usize| {
        let unit = ["kg", "g", "kg"][at % 3];
        format!("{}.5 {unit},{},{}\n", at % 4, at * at % 7, ["a", "b"][at % 2])
    };
    let text = "w,y,kind\n".to_owned() + &(0..24).map(row).collect::<String>();
    let table = load(&text, "").unwrap();
    assert!(table.columns[0].describe().contains("categories"), "{:?}", table.columns[0]);
    let expected = "column 1 (w): not all its numbers have the same unit (g, kg)";
    assert!(table.notes[0].starts_with(expected), "{:?}", table.notes);
}

/// A table of `rows` rows in two classes: what `row` makes of a row's number, and the class.
fn of(head: &str, rows: usize, row: impl Fn(usize) -> String) -> String {
    let line = |at: usize| format!("{},{}\n", row(at), ["a", "b"][at * 7 / 3 % 2]);
    format!("{head},class\n") + &(0..rows).map(line).collect::<String>()
}

fn held(table: &Table, column: usize) -> String {
    table.columns[column].describe()
}

fn numbers(table: &Table) -> &[f32] {
    let Inputs::Numbers(numbers) = &table.examples.inputs else { panic!() };
    numbers
}

#[test]
fn numbers_are_read_as_the_file_writes_them() {
    let rows = "20;0,2934;a\n21;2,8947;b\n20;1,6874;b\n22;-1.500,5;a\n";
    let table = load(&format!("alter;groesse;art\n{rows}"), "").unwrap();
    assert_eq!(
        held(&table, 1),
        "numeric, -1500.5 to 2.8947 (marks between thousands, decimal comma)"
    );
    assert_eq!(numbers(&table)[..4], [20.0, 0.2934, 21.0, 2.8947]);
    let plain = load(rows, "").unwrap();
    assert_eq!((plain.has_header, numbers(&plain)), (false, numbers(&table)));
    // Quoted commas in a file with commas stand between thousands, if nothing says otherwise.
    let table = load("x,y\n\"1,234\",a\n\"2,345\",b\n\"1,234\",b\n\"9,876\",a\n", "").unwrap();
    assert_eq!(held(&table, 0), "numeric, 1234 to 9876 (marks between thousands, decimal point)");
    // Another column says otherwise.
    let table =
        load("x,z,y\n\"1,234\",\"0,5\",a\n\"2,345\",\"1,5\",b\n\"1,234\",\"2,5\",a\n", "").unwrap();
    assert_eq!(held(&table, 0), "numeric, 1.234 to 2.345 (decimal comma)");
    let table = load("x,y\n$5,a\n\"$1,200\",b\n$5,b\n", "").unwrap();
    assert_eq!(numbers(&table), [5.0, 1200.0, 5.0]);
    let error = load("x;y\n1,5;a\n1.5;b\n2,5;a\n3,5;b\n", "").unwrap_err().to_string();
    let expected = "line 3, column 1 (x): \"1.5\" is no number with a decimal comma, as others";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn dates_are_days() {
    let table =
        load(&of("x,day", 40, |at| format!("{},2020-01-{:02}", at * at % 7, at % 30 + 1)), "");
    let table = table.unwrap();
    assert_eq!(held(&table, 1), "dates, 2020-01-01 to 2020-01-30, seen in days since the first");
    assert_eq!((table.features.len(), numbers(&table)[3]), (2, 1.0));
    let table =
        load(&of("day", 40, |at| format!("{}/{}/2020", at % 9 + 1, at % 8 + 1)), "").unwrap();
    let said = held(&table, 0);
    assert!(said.ends_with("(taken as month/day/year: nothing tells)"), "{said}");
    let table = load(&of("hour", 40, |at| format!("{}:30", at % 24)), "").unwrap();
    assert_eq!(held(&table, 0), "times of day, 0:30 to 23:30, seen in hours");
    let rows = of("day", 40, |at| format!("2020-01-{:02}", at % 30 + 1));
    let error = load(&rows.replace("2020-01-02", "soon"), "").unwrap_err().to_string();
    assert!(error.contains("line 3, column 1 (day): \"soon\" is no date, as nearly"), "{error}");
}

#[test]
fn the_same_number_is_the_same_class() {
    let rows = "x,class\n1,0\n2,0.0\n3,1\n4,1.0\n5,00\n7,1\n6,-0\n9,1e0\n";
    let table = load(rows, "").unwrap();
    assert_eq!(table.examples.classes, ["0", "1"]);
    assert_eq!(table.examples.labels, [0, 0, 1, 1, 0, 1, 0, 1]);
    assert!(
        table.notes[0].contains("numbers count by their value, so that \"-0\", \"0\", "),
        "{table:?}"
    );
    assert!(table.notes[0].ends_with("… are 2 classes"), "{table:?}");
    // A test file may write them in another way.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.csv");
    fs::write(&path, "x,class\n1,1.00\n2,0\n").unwrap();
    let table = load(rows, &format!("test_path = {:?}", path.to_str().unwrap())).unwrap();
    assert_eq!(table.test.unwrap().labels, [1, 0]);
    let words = load("x,class\n1,yes\n2,Yes\n3,no\n4,no\n5,yes\n6,Yes\n", "").unwrap();
    assert!(words.notes[0].ends_with("only in the case of letters: \"Yes\", \"yes\""), "{words:?}");
    // More digits than a number keeps are no number.
    let long = ["12345678901234567890", "12345678901234567891"];
    let long =
        load(&format!("x,class\n1,{0}\n2,{1}\n3,{0}\n5,{1}\n", long[0], long[1]), "").unwrap();
    assert_eq!(long.examples.classes.len(), 2);
}

#[test]
fn a_quantity_is_no_class() {
    let price = |at: usize| format!("{},{}.5\n", at * 5 % 17, at % 60);
    let text = "x,price\n".to_owned() + &(0..300).map(price).collect::<String>();
    let error = load(&text, "").unwrap_err().to_string();
    let expected =
        "column 2 (price): 60 different numbers, with fractions, in 300 rows are a quantity";
    assert!(error.contains(expected), "{error}");
    let rating = |at: usize| format!("{},{}\n", at * 5 % 17, (at % 10) as f64 / 2.0);
    let ratings = "x,stars\n".to_owned() + &(0..300).map(rating).collect::<String>();
    assert_eq!(load(&ratings, "").unwrap().examples.classes.len(), 10);
}

#[test]
fn names_of_rows_are_not_learned_from() {
    let with_noise = |first: &dyn Fn(usize) -> String| {
        of("FIRST,x", 40, |at| format!("{},{}", first(at), at * at % 11))
    };
    let named = |name: &str, first: &dyn Fn(usize) -> String| {
        load(&with_noise(first).replace("FIRST", name), "").unwrap()
    };
    let number = |at: usize| at.to_string();
    for (name, first, expected) in [
        ("Unnamed: 0", &number as &dyn Fn(usize) -> String, "left out: it counts the rows"),
        ("", &number, "left out: it counts the rows"),
        ("n", &|at| (at + 17).to_string(), "left out: it counts the rows"),
        ("PassengerId", &|at| (at * 37 % 1009).to_string(), "left out: 40 different names"),
        ("who", &|at| format!("p{at}"), "left out: 40 different names"),
        ("who", &|at| format!("p{}", at.min(37)), "left out: 38 different names"),
    ] {
        let table = named(name, first);
        assert_eq!((held(&table, 0).as_str(), table.features.len()), (expected, 1), "{name}");
    }
    // What may be a measurement is used, and named.
    for (name, first, expected) in [
        (
            "t",
            &(|at: usize| (at * 3).to_string()) as &dyn Fn(usize) -> String,
            "it rises from row to row",
        ),
        ("rank", &|at| (at * 17 % 40).to_string(), "it has each whole number of its range once"),
        ("store_id", &|at| (at % 7).to_string(), "its name says that it names rows"),
    ] {
        let table = named(name, first);
        assert_eq!(table.features.len(), 2);
        let expected = format!("column 1 ({name}): {expected}");
        assert!(table.notes[0].starts_with(&expected), "{table:?}");
    }
    // Who knows better says so; few rows count nothing.
    let counted = with_noise(&number);
    assert_eq!(load(&counted, "keep = [\"FIRST\"]").unwrap().features, ["FIRST", "x"]);
    assert_eq!(load("n,class\n1,a\n2,b\n3,a\n4,b\n", "").unwrap().features, ["n"]);
}

#[test]
fn gaps_are_marked_and_said_once() {
    let text = "age,colour,size,gone,class\n1,red,5,,a\n?,blue,5,NA,b\n3,,,,a\nn/a,red,5,,b\n5,NaN,5,-,a\n\
                6,red,5,,\n";
    let table = load(text, "").unwrap();
    let features = [
        "age",
        "age is missing",
        "colour=blue",
        "colour=red",
        "colour is missing",
        "size",
        "size is missing",
    ];
    assert_eq!(table.features, features);
    let rows: Vec<&[f32]> = numbers(&table).chunks(7).collect();
    assert_eq!(rows[0], [1., 0., 0., 1., 0., 5., 0.]);
    assert_eq!(rows[2][2..5], [0., 0., 1.]);
    assert!(rows[1][0].is_nan() && rows[1][1] == 1.0 && rows[2][5].is_nan());
    assert_eq!(held(&table, 0), "numeric, 1 to 5; 2 missing");
    assert_eq!(held(&table, 3), "left out: no value in any row");
    assert_eq!(
        table.notes,
        [
            "1 of 6 rows are left out: column 5 (class) is empty there",
            "values missing, of 5 rows: 2 in age, 2 in colour, 1 in size; a number gets the median of \
             the training part, a category none, and a number more says where",
        ]
    );
}

#[test]
fn na_is_a_category_where_the_recipe_says_so() {
    let text = "b,class\nFR,x\nNA,None\nUS,x\nNA,None\n,x\nFR,None\n";
    let gap = load(text, "").unwrap();
    assert_eq!(gap.features, ["b=FR", "b=US", "b is missing"]);
    assert_eq!(gap.columns[0].missing, 3);
    // "None" is a class, such as the least of several degrees.
    assert_eq!(gap.examples.classes, ["None", "x"]);
    let named = load(text, "categorical = [\"b\"]").unwrap();
    assert_eq!(named.features, ["b=FR", "b=NA", "b=US", "b is missing"]);
    assert_eq!((numbers(&named)[5], named.columns[0].missing), (1.0, 1));
    let classes = load("x,class\n1,NA\n2,EU\n3,NA\n4,EU\n", "categorical = [\"class\"]").unwrap();
    assert_eq!(classes.examples.classes, ["EU", "NA"]);
}

#[test]
fn columns_of_words_and_numbers_are_named() {
    let text =
        of("x,size", 40, |at| format!("{},{}", at % 5, ["1", "2", "large", "small"][at % 4]));
    let table = load(&text, "").unwrap();
    assert!(table.notes[0].contains("column 2 (size): 2 of its 4 different values are numbers"));
}

/// Look-ups by name grew with the square of the columns.
#[test]
fn wide_tables_are_read_in_time() {
    let columns = 100_000;
    let line = |of: &dyn Fn(usize) -> String| (0..columns).map(of).collect::<Vec<_>>().join(",");
    let row = |at: usize| {
        line(&move |column| (at * column % 7).to_string()) + ["\n", ",a\n", ",b\n"][1 + at % 2]
    };
    let text = line(&|column| format!("feature {column}"))
        + ",class\n"
        + &(1..5).map(row).collect::<String>();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.csv");
    fs::write(&path, text).unwrap();
    let start = std::time::Instant::now();
    let table = Table::load(&recipe(&path, "")).unwrap();
    rows(&path, &table.columns).unwrap();
    assert!(start.elapsed().as_secs_f64() < 20.0, "{:?}", start.elapsed());
    assert!(table.features.len() > columns / 2);
}

/// 200 KB that unpack to a separator a line would be 50 times as much in cells.
#[test]
fn a_small_file_does_not_take_all_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.csv");
    for bytes in [vec![b'\n'; 1 << 27], b",\n".repeat(1 << 26)] {
        fs::write(&path, files::gzip(&bytes)).unwrap();
        let error = Table::load(&recipe(&path, "")).unwrap_err().to_string();
        assert!(error.contains("it unpacks to more than 200 times its size"), "{error}");
    }
}

proptest! {
    #[test]
    fn hostile_text_never_panics(text in "[\"a1.,;\t\n ?é-]{0,60}", target in -4i64..5) {
        let target = NonZeroI64::new(target).map_or(Target::default(), Target::Number);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        fs::write(&path, text).unwrap();
        let recipe = TableRecipe { target, ..recipe(&path, "") };
        if let Err(error) = Table::load(&recipe) {
            prop_assert_eq!(error.exit_code(), 2);
        }
    }
}

/// Counts: `sort <column> | uniq -c`, and the documentation of each set.
#[test]
fn the_imbalanced_sets_are_whole() {
    let Some(data) = files::test_data("the_imbalanced_sets_are_whole") else { return };
    let data = data.join("imbalanced");
    let sorted = |examples: &Examples| {
        let mut counts: Vec<_> = examples.counts().into_iter().collect();
        counts.sort_by(|a, b| b.cmp(a));
        counts
    };
    let yeast = Table::load(&recipe(&data.join("yeast.data"), "")).unwrap();
    assert!(yeast.separator.starts_with("whitespace") && !yeast.has_header);
    assert_eq!(yeast.features.len(), 8);
    assert_eq!(yeast.columns[0].kind, ColumnKind::Identifier { values: 1462 });
    assert_eq!(sorted(&yeast.examples), [463, 429, 244, 163, 51, 44, 35, 30, 20, 5]);
    assert_eq!(yeast.examples.classes[0], "CYT");
    let wine = data.join("winequality-white.csv");
    let wine = Table::load(&recipe(&wine, "target = \"quality\"")).unwrap();
    assert!(wine.separator.starts_with("semicolon") && wine.has_header);
    assert_eq!(wine.features.len(), 11);
    assert_eq!(wine.examples.classes, ["3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(wine.examples.counts(), [20, 163, 1457, 2198, 880, 175, 5]);
    let mut satimage = recipe(&data.join("satimage/sat.trn.txt"), "");
    let test = data.join("satimage/sat.tst.txt");
    satimage.test_path = Some(DataPath::new(test.to_str().unwrap()));
    let satimage = Table::load(&satimage).unwrap();
    assert_eq!(satimage.examples.classes, ["1", "2", "3", "4", "5", "7"]);
    assert_eq!(satimage.examples.counts(), [1072, 479, 961, 415, 470, 1038]);
    assert_eq!(satimage.test.unwrap().counts(), [461, 224, 397, 211, 237, 470]);
    assert_eq!(satimage.examples.shape, Shape::Row(36));
}

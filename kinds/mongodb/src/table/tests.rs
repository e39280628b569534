use ::mongodb::bson::{DateTime, RawDocumentBuf, Timestamp, rawdoc};

use super::*;

fn table(wanted: &Columns, documents: &[RawDocumentBuf]) -> Result<Rows, Problem> {
    let mut table = DocumentTable::new(wanted);
    documents.iter().try_for_each(|document| table.add(&[("database", "shop")], document))?;
    table.into_rows()
}

#[test]
fn only_columns_that_are_read_are_kept() {
    let documents = [
        rawdoc! {"a": {"b": 1, "c": 2, "d": {"e": 3}}, "n": "x", "ab": {"c": 5}},
        rawdoc! {"n": "y", "own": 1},
        rawdoc! {"own": 1},
    ];
    let rows = table(&Columns::named(["a.b", "a.d.e", "n"]), &documents).unwrap();
    assert_eq!(rows.columns, ["a.b", "a.d.e", "n"]);
    let text = |text: &str| Cell::Text(text.to_owned());
    assert_eq!(rows.rows[0], [Cell::Number(1.0), Cell::Number(3.0), text("x")]);
    assert_eq!(rows.rows[1], [Cell::Null, Cell::Null, text("y")]);
    assert_eq!(rows.rows[2], [Cell::Null, Cell::Null, Cell::Null]);
    assert_eq!(rows.unread, [""; 0], "keys are data");

    let first = table(&Columns::First, &documents).unwrap();
    assert_eq!((first.columns.len(), first.rows.len()), (1, 3));
    let all = table(&Columns::All, &documents).unwrap();
    assert_eq!(all.columns, ["database", "a.b", "a.c", "a.d.e", "n", "ab.c", "own"]);
}

#[test]
fn a_table_that_would_be_too_large_is_refused() {
    let keys = |from: usize| {
        let mut document = RawDocumentBuf::new();
        for key in from..from + 500 {
            document.append(::mongodb::bson::raw::CString::try_from(format!("k{key}")).unwrap(), 1);
        }
        document
    };
    let wide: Vec<_> = (0..5).map(|number| keys(500 * number)).collect();
    assert!(table(&Columns::All, &wide[..3]).is_ok());
    let problem = table(&Columns::All, &wide).unwrap_err();
    assert!(problem.detail.contains("more than 2000 columns"), "{problem}");

    // Few columns in each row, and many once every row has all of them.
    let mut sparse = vec![rawdoc! {"a": 1}; 10_000];
    sparse.extend(wide[..3].to_vec());
    let problem = table(&Columns::All, &sparse).unwrap_err();
    assert!(problem.detail.contains("larger than 64 MiB"), "{problem}");
    assert!(table(&Columns::named(["a"]), &sparse).is_ok());
}

#[test]
fn numbers_are_read_as_they_are() {
    let unknown = Timestamp { time: 0, increment: 0 };
    let documents = [rawdoc! {
        "host": "a:27017",
        "version": "6.0",
        "large": 1_i64 << 60,
        "yes": true,
        "at": DateTime::from_millis(1500),
        "never": DateTime::from_millis(0),
        "time": {"first": Timestamp { time: 7, increment: 1 }, "last": unknown},
        "clock": {"n": 1},
    }];
    let except = ["clock".to_owned()];
    let rows = table(&Columns::numbers(["host"], &except), &documents).unwrap();
    assert_eq!(rows.columns, ["host", "large", "yes", "at", "time.first"]);
    let numbers = [(1_u64 << 60) as f64, 1.0, 1500.0, 7.0].map(Cell::Number);
    assert_eq!(rows.rows[0][0], Cell::Text("a:27017".to_owned()));
    assert_eq!(rows.rows[0][1..], numbers);
}

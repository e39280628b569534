//! Answers on the query lane.

use mongodb::bson::{Bson, DateTime, Decimal128, Document, Timestamp, Uuid, doc, oid::ObjectId};
use platform_core::probe::Reason;
use platform_core::query::{Cell, Rows};

use super::{question, yaml};
use testkit::mongodb::Mongodb;
use testkit::subject::{Subject, source};

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn number(number: f64) -> Cell {
    Cell::Number(number)
}

async fn rows(subject: &mut Subject, text: &str) -> Rows {
    subject.rows(&question(text)).await.unwrap_or_else(|problem| panic!("{text}: {problem}"))
}

fn cell<'a>(rows: &'a Rows, row: usize, column: &str) -> &'a Cell {
    let index = rows.column(column).unwrap_or_else(|| panic!("no {column} in {:?}", rows.columns));
    &rows.rows[row][index]
}

async fn with_users(users: Vec<Document>) -> (Mongodb, Subject) {
    let server = Mongodb::start().await;
    server
        .client()
        .await
        .database("shop")
        .collection("users")
        .insert_many(users)
        .await
        .expect("it is primary");
    let url = server.url().replace("/?", "/shop?");
    let subject = source(&yaml(&url, ", collections: [users, warehouse.items]"));
    (server, subject)
}

#[tokio::test]
async fn documents_are_rows() {
    let plan = |plan: &str, disabled: bool| doc! {"plan": plan, "disabled": disabled};
    let users = vec![plan("free", false), plan("pro", false), plan("free", true)];
    let (_server, mut subject) = with_users(users).await;
    let grouped =
        "{collection: users, pipeline: [{$group: {_id: $plan, users: {$sum: 1}}}, {$sort: {users: -1}}]}";
    let answer = rows(&mut subject, grouped).await;
    assert_eq!(answer.columns, ["_id", "users"]);
    assert_eq!(answer.rows, [[text("free"), number(2.0)], [text("pro"), number(1.0)]]);

    let counted = rows(&mut subject, "{database: shop, command: {query: {plan: free}, count: users}}").await;
    assert_eq!(cell(&counted, 0, "n"), &number(2.0));
    let distinct = "{database: shop, command: {distinct: users, key: plan}, each: values}";
    let mut distinct = rows(&mut subject, distinct).await;
    distinct.rows.sort_by_key(|row| row[0].text());
    assert_eq!(
        (distinct.columns, distinct.rows),
        (vec!["value".to_owned()], vec![vec![text("free")], vec![text("pro")]])
    );
    assert_eq!(
        rows(&mut subject, "{collection: users, pipeline: [{$match: {plan: none}}]}").await,
        Rows::default()
    );
}

#[tokio::test]
async fn a_part_of_each_document_can_be_the_rows() {
    let (_server, mut subject) =
        with_users(vec![doc! {"posts": [{"n": 1}, {"n": 2}]}, doc! {"posts": []}]).await;
    let posts = "{database: shop, command: {aggregate: users, pipeline: []}, each: posts}";
    let answer = rows(&mut subject, posts).await;
    assert_eq!(
        (answer.columns, answer.rows),
        (vec!["n".to_owned()], vec![vec![number(1.0)], vec![number(2.0)]])
    );
}

/// The server takes it for an empty one, and a count would be 0.
#[tokio::test]
async fn a_collection_that_does_not_exist_is_not_found() {
    let (server, mut subject) = with_users(vec![doc! {"plan": "free"}]).await;
    let question = question("{collection: orders, pipeline: [{$count: orders}]}");
    let problem = subject.rows(&question).await.unwrap_err();
    assert_eq!(problem.to_string(), "not_found: collection `orders` does not exist in `shop`");
    server.client().await.database("shop").create_collection("orders").await.unwrap();
    assert_eq!(subject.rows(&question).await, Ok(Rows::default()));
}

/// `$sort` by two keys means something else when they change places.
#[tokio::test]
async fn keys_keep_their_order() {
    let users = vec![doc! {"z": 1, "a": 2}, doc! {"z": 2, "a": 1}, doc! {"z": 1, "a": 1}];
    let (_server, mut subject) = with_users(users).await;
    let sorted = "{collection: users, pipeline: [{$sort: {z: 1, a: -1}}, {$project: {_id: 0}}]}";
    let answer = rows(&mut subject, sorted).await;
    let pairs: Vec<_> =
        (0..3).map(|row| (cell(&answer, row, "z").number(), cell(&answer, row, "a").number())).collect();
    assert_eq!(pairs, [(Some(1.0), Some(2.0)), (Some(1.0), Some(1.0)), (Some(2.0), Some(1.0))]);
}

#[tokio::test]
async fn every_type_has_its_cell() {
    let id = ObjectId::new();
    let uuid = Uuid::new();
    let first = doc! {
        "_id": id,
        "int": 7_i32,
        "long": 1_i64 << 40,
        "id": i64::MAX,
        "double": 0.5,
        "decimal": "12.25".parse::<Decimal128>().unwrap(),
        "yes": true,
        "at": DateTime::from_millis(1_500),
        "stamp": Timestamp {time: 9, increment: 3},
        "null": Bson::Null,
        "uuid": uuid,
        "list": [1, 2],
        "usage": {"posts": {"created": 3}},
    };
    let (_server, mut subject) = with_users(vec![first, doc! {"_id": "second", "int": 8, "more": 1}]).await;
    let answer = rows(&mut subject, "{collection: users, pipeline: [{$sort: {int: 1}}]}").await;
    for (column, expected) in [
        ("_id", text(&id.to_hex())),
        ("int", number(7.0)),
        ("long", number(1_099_511_627_776.0)),
        ("id", text("9223372036854775807")),
        ("double", number(0.5)),
        ("decimal", number(12.25)),
        ("yes", number(1.0)),
        ("at", number(1.5)),
        ("stamp", number(9.0)),
        ("null", Cell::Null),
        ("uuid", text(&uuid.to_string())),
        ("usage.posts.created", number(3.0)),
        ("more", Cell::Null),
    ] {
        assert_eq!(cell(&answer, 0, column), &expected, "{column}");
    }
    assert_eq!(answer.column("list"), None);
    assert_eq!((cell(&answer, 1, "more"), cell(&answer, 1, "double")), (&number(1.0), &Cell::Null));
}

#[tokio::test]
async fn extended_json_has_its_types() {
    let id = ObjectId::new();
    let at = |seconds: i64| DateTime::from_millis(seconds * 1000);
    let users = vec![doc! {"_id": id, "at": at(1_700_000_000)}, doc! {"at": at(1_000_000_000), "name": "x1"}];
    let (_server, mut subject) = with_users(users).await;
    for filter in [
        format!("{{_id: {{$oid: '{id}'}}}}"),
        "{at: {$gte: {$date: '2020-01-01T00:00:00Z'}}}".to_owned(),
        "{at: {$gt: {$date: {$numberLong: '1600000000000'}}}}".to_owned(),
        "{$expr: {$gt: [$at, {$subtract: [$$NOW, 315360000000]}]}}".to_owned(),
        "{name: {$not: {$regex: '^x[0-9]'}}}".to_owned(),
    ] {
        let question = format!("{{collection: users, pipeline: [{{$match: {filter}}}, {{$count: n}}]}}");
        assert_eq!(cell(&rows(&mut subject, &question).await, 0, "n"), &number(1.0), "{filter}");
    }
}

#[tokio::test]
async fn each_takes_an_answer_apart() {
    let (server, mut subject) = with_users(vec![doc! {}]).await;
    let members = rows(&mut subject, "{command: {replSetGetStatus: 1}, each: members}").await;
    assert_eq!(members.rows.len(), 1);
    assert_eq!(cell(&members, 0, "name"), &text(&server.address()));
    let latencies = rows(&mut subject, "{command: {serverStatus: 1}, each: opLatencies}").await;
    assert!(
        latencies.columns.starts_with(&["key".to_owned(), "latency".to_owned()]),
        "{:?}",
        latencies.columns
    );
    assert!((0..latencies.rows.len()).any(|row| cell(&latencies, row, "key") == &text("writes")));
    let open = rows(&mut subject, "{command: {serverStatus: 1}, each: metrics.cursor.open}").await;
    assert_eq!(open.columns, ["key", "value"]);
    let nothing = question("{command: {serverStatus: 1}, each: metrics.nothing}");
    let problem = subject.rows(&nothing).await.unwrap_err();
    assert_eq!(problem.to_string(), "query: no array or document at `metrics.nothing` in the answer");
}

#[tokio::test]
async fn every_database_and_every_configured_collection_can_be_asked() {
    let (server, mut subject) = with_users(vec![doc! {}, doc! {}]).await;
    server.client().await.database("warehouse").collection("items").insert_one(doc! {"n": 1}).await.unwrap();
    let sizes = rows(&mut subject, "{database: '*', command: {dbStats: 1}}").await;
    let mut names: Vec<_> = sizes.rows.iter().filter_map(|row| row[0].text()).collect();
    names.sort();
    assert_eq!(
        (sizes.columns[0].as_str(), names.join(" ").as_str()),
        ("database", "admin config local shop warehouse")
    );
    let counts = rows(&mut subject, "{collection: '*', pipeline: [{$count: documents}]}").await;
    assert_eq!(counts.columns, ["database", "collection", "documents"]);
    assert_eq!(
        counts.rows,
        [[text("shop"), text("users"), number(2.0)], [text("warehouse"), text("items"), number(1.0)]]
    );
}

#[tokio::test]
async fn a_wrong_question_is_a_query_error_with_the_name_of_the_code() {
    let (server, mut subject) = with_users(vec![doc! {}]).await;
    let unknown = question("{collection: users, pipeline: [{$nonsense: {}}]}");
    let problem = subject.rows(&unknown).await.unwrap_err();
    assert_eq!(problem.reason, Reason::Query);
    assert!(
        problem.detail.starts_with("Location40324 (40324): Unrecognized pipeline stage name"),
        "{problem}"
    );
    let problem = subject.rows(&question("{database: shop, command: {collStats: ''}}")).await.unwrap_err();
    assert_eq!(problem.reason, Reason::Query, "{problem}");
    let mut nameless = source(&yaml(&server.url(), ""));
    let problem = nameless.rows(&question("{collection: users}")).await.unwrap_err();
    assert_eq!(problem.reason, Reason::Query);
    assert!(problem.detail.contains("expected `database`"), "{problem}");
    // The lane goes on.
    assert_eq!(rows(&mut subject, "{command: {ping: 1}}").await.rows.len(), 1);
}

//! What is about people never becomes a label, whatever its column is called.

use testkit::exporter::binary;

use super::{ORDERS, Project};

/// Names of columns in several languages, and columns with harmless names, each with few values that are about people.
const PLANTED: &[(&str, &str)] = &[
    ("first_name", "Ilsabet"),
    ("\"lastName\"", "Quintermann"),
    ("email", "ilsabet@example.org"),
    ("phone", "+420777123456"),
    ("gender", "nonbinary"),
    ("status_note", "angry"),
    ("\"Vorname\"", "Hildburg"),
    ("prenom", "Clothilde"),
    ("correo", "clothilde"),
    ("telefone", "912345678"),
    ("\"имя\"", "Ludmilka"),
    ("\"氏名\"", "yamadahanako"),
    ("\"straße\"", "Hauptweg"),
    // Names as those of states.
    ("status", "Ilsabet Quintermann"),
    ("state", "ilsabet@example.net"),
    ("kind", "192.168.71.5"),
    ("type", "4111111111111111"),
    ("plan", "She called twice, and was angry about the bill."),
    ("payment_status", "Österreichische Kundin"),
    ("stage", "tok_9fK2mPq7ZxW4"),
    ("phase", "1987-05-12"),
    ("order_status", "Ottokar"),
    ("order_state", "melchior.habermann"),
    ("payment_state", "sk_live_51H8abcdEFGH0"),
];

#[tokio::test]
async fn personal_columns_and_values_are_not_used() {
    let columns: Vec<_> = PLANTED.iter().map(|(column, _)| format!("{column} text")).collect();
    let values: Vec<_> = PLANTED.iter().map(|(_, value)| format!("'{value}'")).collect();
    let others: Vec<_> = PLANTED.iter().map(|(_, value)| format!("'{value}2'")).collect();
    let schema = format!(
        "CREATE TABLE users (id serial PRIMARY KEY, created_at timestamptz DEFAULT now(), last_login timestamptz, {});
         INSERT INTO users ({names}) SELECT {} FROM generate_series(1, 200);
         INSERT INTO users ({names}) SELECT {} FROM generate_series(1, 100);
         CREATE TABLE orders AS SELECT * FROM users; CREATE TABLE payments AS SELECT * FROM users;
         ANALYZE;",
        columns.join(", "),
        values.join(", "),
        others.join(", "),
        names = PLANTED.iter().map(|(column, _)| *column).collect::<Vec<_>>().join(", "),
    );
    let (server, project) = Project::with(&schema).await;
    server.sql("ALTER SYSTEM SET log_statement = 'all'").await;
    server.sql("SELECT pg_reload_conf()").await;
    let printed = project.init(&[]);
    project.passes();
    let written = printed + &project.read("packs/shop.yml") + &project.read("packs/shop.role.sql");
    for (column, value) in PLANTED {
        assert!(!written.contains(value), "{value} of {column} is in:\n{written}");
    }
    for (column, _) in PLANTED {
        let granted = format!("({}", column.trim_matches('"'));
        assert!(!written.contains(&granted), "{column} is granted in:\n{written}");
    }
    // The rest of the table is proposed.
    assert!(written.contains("growth(users)") && written.contains("accounts(users)"), "{written}");
}

/// What is written into a column later is about people as well, perhaps.
#[tokio::test]
async fn values_that_were_not_there_become_no_labels() {
    let (server, project) = Project::with(ORDERS).await;
    project.init(&[]);
    let sql = "INSERT INTO orders (status, currency, created_at) VALUES
        ('Eudora Vandenberghe', 'Yorick Habermann', now()), (NULL, NULL, now())";
    server.script("shop", sql).await;
    let query = |name: &str| {
        project.run(&binary(), &["query", name, "--config.file", "platform.yml", "--format", "prometheus"])
    };
    let series = query("shop.orders_by_status") + &query("shop.orders_money");
    for planted in ["Eudora", "Yorick", "YORICK"] {
        assert!(!series.contains(planted), "{series}");
    }
    for value in ["state=\"other\"} 1", "state=\"none\"} 1", "state=\"new\"} 100", "currency=\"other\""] {
        assert!(series.contains(value), "{value} is missing in {series}");
    }
}

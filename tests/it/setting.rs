//! Addresses and secrets: what is printed of them, and what is not.

use platform_exporter::setting::{Address, Secret};
use secrecy::ExposeSecret;

#[test]
fn an_address_prints_nothing_but_where_it_is() {
    for (url, printed) in [
        ("postgres://db/app", "postgres://db/app"),
        ("postgres://user:geheim@db:5432/app?sslmode=require", "postgres://db:5432/app"),
        ("mongodb://u:geheim@a:1,b:2/app?replicaSet=rs", "mongodb://a:1,b:2/app"),
        ("redis://:ge@heim@cache#geheim", "redis://cache"),
        ("redis://:ge/heim@cache", "redis://cache"),
        ("amqp://u:ge?heim@broker", "amqp://<hidden>"),
        ("http://page/?token=geheim@x", "http://<hidden>"),
        ("geheim", "<url>"),
    ] {
        let address = Address::from(url.to_owned());
        assert_eq!((address.to_string(), format!("{address:?}")), (printed.to_owned(), printed.to_owned()));
        assert_eq!(address.expose(), url);
    }
}

#[tokio::test]
async fn a_secret_is_read_anew_and_never_printed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    let secret = Secret::file(path.clone());
    assert!(secret.read().await.unwrap_err().to_string().starts_with("cannot read "));
    std::fs::write(&path, "geheim\n").unwrap();
    assert_eq!(secret.read().await.unwrap().expose_secret(), "geheim");
    std::fs::write(&path, " rotated \r\n").unwrap();
    assert_eq!(secret.read().await.unwrap().expose_secret(), " rotated ");
    std::fs::write(&path, "\n").unwrap();
    assert!(secret.read().await.unwrap_err().to_string().ends_with("is empty"));
    assert!(!format!("{:?} {:?}", Secret::Value("geheim".into()), secret).contains("geheim"));
    let both = Secret::from_keys("password", Some(Secret::Value("geheim".into())), Some(path));
    assert_eq!(both.unwrap_err().to_string(), "give either `password` or `password_file`, not both");
}

//! Addresses and secrets: what is printed of them, and what is not.

use platform_core::setting::{Address, AddressError, Duration, DurationError, Secret, SecretOrigin};
use platform_core::yaml::{self, Faults, Path};
use secrecy::ExposeSecret;

#[test]
fn an_address_prints_nothing_but_where_it_is() {
    for (url, printed) in [
        ("postgres://db/app", "postgres://db/app"),
        ("postgres://user:geheim@db:5432/app?sslmode=require", "postgres://db:5432/app"),
        ("mongodb://u:geheim@a:1,b:2/app?replicaSet=rs", "mongodb://a:1,b:2/app"),
        ("redis://:ge@heim@cache#geheim", "redis://cache"),
        ("http://page/?token=geheim", "http://page/"),
        ("geheim", "<url>"),
    ] {
        let address = Address::try_from(url.to_owned()).unwrap();
        assert_eq!((address.to_string(), format!("{address:?}")), (printed.to_owned(), printed.to_owned()));
        assert_eq!(address.expose(), url);
    }
}

#[test]
fn an_address_is_refused_where_a_password_may_be_outside_of_its_place() {
    for (url, error) in [
        ("postgres://admin:7/geheim@db/app", AddressError::AtSign),
        ("amqp://u:ge?heim@broker", AddressError::AtSign),
        ("redis://:7#geheim@cache", AddressError::AtSign),
        ("https://u:7\\geheim@page", AddressError::AtSign),
        ("http:///u:geheim@page", AddressError::AtSign),
        ("http://page/?token=geheim@x", AddressError::AtSign),
        ("http://u:geheim%40page/", AddressError::EncodedAtSign),
        ("redis://u:@cache", AddressError::EmptyPassword),
    ] {
        let refused = Address::try_from(url.to_owned()).unwrap_err();
        assert_eq!(refused, error, "{url}");
        assert!(!refused.to_string().contains("geheim"));
    }
    let public = Address::of_parts("postgres", "a@b", 1, "c?d#e@f");
    assert_eq!(public.to_string(), "postgres://a%40b:1/c%3Fd%23e%40f");
}

/// `+` is no blank here, as it is not to libpq.
#[test]
fn parameters_are_decoded_as_clients_do_it() {
    let address = Address::try_from("x://h/?password=a+b%2Bc%20d&e&f=g=h#i=j".to_owned()).unwrap();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(address.parameters(), [pair("password", "a+b+c d"), pair("e", ""), pair("f", "g=h")]);
}

#[test]
fn durations_are_neither_without_unit_nor_without_end() {
    let duration = |text: &str| Duration::try_from(text.to_owned());
    assert_eq!(duration("366d").unwrap().get(), Duration::LONGEST);
    for text in ["366d 1s", "584000000000y", "99999999999999999999999s"] {
        assert_eq!(duration(text), Err(DurationError::TooLong), "{text}");
    }
    assert_eq!(duration("30"), Err(DurationError::NoUnit("30".to_owned())));
    assert_eq!(duration("0s"), Err(DurationError::Zero));
}

fn inline() -> Secret {
    Secret::Value("geheim".into(), SecretOrigin::Configuration)
}

#[derive(serde::Deserialize)]
struct Login {
    url: Option<Address>,
    password: Option<Secret>,
}

/// Where the password of a login comes from.
fn origin(text: &str) -> Option<String> {
    let variable = |name: &str| name.starts_with(char::is_uppercase).then(|| "geheim".to_owned());
    let mut faults = Faults::of("test.yml");
    let tree = yaml::parse(text, &variable, &mut faults).unwrap();
    let login: Login = yaml::decode(&tree, &Path::default(), &mut faults).unwrap();
    let of_url = login.url.as_ref().and_then(Address::password_origin);
    Some(login.password.as_ref().map(Secret::origin).or(of_url)?.to_string())
}

#[test]
fn a_secret_knows_its_variables() {
    for (text, expected) in [
        ("password: geheim", Some("the configuration")),
        ("password: ${PASSWORD}", Some("${PASSWORD}")),
        ("password: 'x${A}y${B}z'", Some("${A} and ${B}")),
        ("password: ${unset:-geheim}", Some("the configuration")),
        ("password: $${PASSWORD}", Some("the configuration")),
        ("url: 'postgres://${USER}:${PASSWORD}@${HOST}/db'", Some("${PASSWORD}")),
        ("url: 'postgres://${USER}:geheim@${HOST}/db'", Some("the configuration")),
        ("url: '${URL}'", None),
        ("url: 'redis://:${A}-${B}@cache'", Some("${A} and ${B}")),
        ("url: 'mongodb://u:${PASSWORD}@a:1,b:2/?replicaSet=${SET}'", Some("${PASSWORD}")),
        ("url: 'postgres://${HOST}/db?user=${USER}&password=${PASSWORD}&x=${X}'", Some("${PASSWORD}")),
        ("url: 'redis+unix:///run/redis.sock?user=u&pass=${PASSWORD}'", Some("${PASSWORD}")),
        ("url: 'postgres://${USER}@${HOST}/db'", None),
        ("url: 'postgres://${HOST}:5432'", None),
    ] {
        assert_eq!(origin(text).as_deref(), expected, "{text}");
    }
}

#[tokio::test]
async fn a_secret_is_reread_and_never_printed() {
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
    assert!(!format!("{:?} {:?}", inline(), secret).contains("geheim"));
    assert_eq!(secret.origin(), SecretOrigin::File(path.clone()));
    let both = Secret::from_keys("password", Some(inline()), Some(path));
    assert_eq!(both.unwrap_err().to_string(), "set either `password` or `password_file`, not both");
}

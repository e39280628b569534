//! The environment, and files of variables.

use super::{assert_found, described, found};

#[test]
fn a_rails_app() {
    let env = "\
# Sidekiq and Action Cable share a server.
export DATABASE_URL=\"postgresql://shop:s3cret@localhost:5432/shop_development?pool=5\"
CACHE_URL=redis://localhost:6379/1
SIDEKIQ_REDIS_URL='redis://localhost:6379/2'
RAILS_MASTER_KEY=0123456789abcdef
STRIPE_SECRET_KEY=sk_test_51Habc   # of the sandbox
STRIPE_PUBLISHABLE_KEY=pk_test_51Habc
S3_BUCKET=shop-uploads
AWS_REGION=eu-west-1
AWS_ACCESS_KEY_ID=AKIAEXAMPLE
AWS_SECRET_ACCESS_KEY=wJalrXUt/nFEMI
";
    assert_found(
        &found(&[(".env", env)], &[]),
        "
cache redis redis://localhost:6379/1 at .env:3
  url: ${CACHE_URL} = redis://localhost:6379/1
db postgres postgresql://localhost:5432/shop_development at .env:2
  url: ${DATABASE_URL} = postgresql://shop:s3cret@localhost:5432/shop_development?pool=5
bucket s3 s3://shop-uploads at .env:8
  bucket: ${S3_BUCKET} = shop-uploads
  region: ${AWS_REGION} = eu-west-1
  access_key_id: ${AWS_ACCESS_KEY_ID} = AKIAEXAMPLE
  secret_access_key: ${AWS_SECRET_ACCESS_KEY} = wJalrXUt/nFEMI
sidekiq-redis redis redis://localhost:6379/2 at .env:4
  url: ${SIDEKIQ_REDIS_URL} = redis://localhost:6379/2
stripe stripe https://api.stripe.com at .env:6
  api_key: ${STRIPE_SECRET_KEY} = sk_test_51Habc
",
    );
}

#[test]
fn a_django_app() {
    let env = "\
DEBUG=on
DB_ENGINE=django.db.backends.postgresql
DB_NAME=clinic
DB_USER=clinic
DB_PASSWORD=pa$$w0rd#1
DB_HOST=127.0.0.1
DB_PORT=5433
CELERY_BROKER_URL=pyamqp://worker:w0rk@rabbit.internal:5672/clinic
CELERY_RESULT_BACKEND=redis://:r3dis@redis.internal:6379/0
AWS_STORAGE_BUCKET_NAME=clinic-media
AWS_S3_REGION_NAME=eu-central-1
AWS_S3_ENDPOINT_URL=https://minio.clinic.example:9000
REPORTS_DATABASE_URL=postgresql+psycopg2://reports:rep0rts@reports.internal/reports
";
    assert_found(&found(&[(".env", env)], &[]), "
bucket s3 https://minio.clinic.example:9000/clinic-media at .env:10
  bucket: ${AWS_STORAGE_BUCKET_NAME} = clinic-media
  region: ${AWS_S3_REGION_NAME} = eu-central-1
  endpoint: ${AWS_S3_ENDPOINT_URL} = https://minio.clinic.example:9000
celery-broker rabbitmq amqp://rabbit.internal:5672/clinic at .env:8
  url: ${CELERY_BROKER_AMQP_URL} = amqp://worker:w0rk@rabbit.internal:5672/clinic *CELERY_BROKER_AMQP_URL
celery-result-backend redis redis://redis.internal:6379/0 at .env:9
  url: ${CELERY_RESULT_BACKEND} = redis://:r3dis@redis.internal:6379/0
db postgres postgres://127.0.0.1:5433/clinic at .env:6
  url: postgres://${DB_USER}@${DB_HOST}:${DB_PORT}/${DB_NAME} = postgres://clinic@127.0.0.1:5433/clinic
  password: ${DB_PASSWORD} = pa$$w0rd#1
reports-db postgres postgresql://reports.internal/reports at .env:13
  url: ${REPORTS_DB_URL} = postgresql://reports:rep0rts@reports.internal/reports *REPORTS_DB_URL
note: .env:8: CELERY_BROKER_URL has a scheme of a library: CELERY_BROKER_AMQP_URL has to hold the URL as amqp://…
note: .env:13: REPORTS_DATABASE_URL has a scheme of a library: REPORTS_DB_URL has to hold the URL as postgresql://…
");
}

#[test]
fn a_laravel_app() {
    let env = "\
APP_NAME=\"Bob's shop\"
DB_CONNECTION=pgsql
DB_HOST=127.0.0.1
DB_PORT=5432
DB_DATABASE=laravel
DB_USERNAME=laravel
DB_PASSWORD=secret

REDIS_HOST=127.0.0.1
REDIS_PASSWORD=null
REDIS_PORT=6379

AWS_BUCKET=
FILESYSTEM_DISK=local
LEGACY_DB_CONNECTION=mysql
LEGACY_DB_HOST=10.0.0.9
MAIL_HOST=mailpit
MAIL_PORT=1025
";
    assert_found(&found(&[(".env", env)], &[]), "
db postgres postgres://127.0.0.1:5432/laravel at .env:3
  url: postgres://${DB_USERNAME}@${DB_HOST}:${DB_PORT}/${DB_DATABASE} = postgres://laravel@127.0.0.1:5432/laravel
  password: ${DB_PASSWORD} = secret
cache redis redis://127.0.0.1:6379 at .env:9
  url: redis://${REDIS_HOST}:${REDIS_PORT} = redis://127.0.0.1:6379
note: .env:16: LEGACY_DB_HOST: MySQL, for which there is no kind
");
}

#[test]
fn a_next_js_app_with_files_of_each_environment() {
    let files = [
        (
            ".env",
            "DATABASE_URL=postgres://app:dev@localhost/app\nMONGODB_URI=mongodb://localhost:27017/events\n",
        ),
        (".env.local", "DATABASE_URL=postgres://me:mine@localhost/app\n"),
        (
            ".env.production",
            "DB_PASSWORD=pr0d\nDATABASE_URL=postgres://app:${DB_PASSWORD}@db.example.com/app?sslmode=require\n",
        ),
        (".env.example", "DATABASE_URL=postgres://USER:PASSWORD@HOST/DB\n"),
        (".env.test", "DATABASE_URL=postgres://test@localhost/test\n"),
    ];
    assert_found(&found(&files, &[]), "
db postgres postgres://localhost/app at .env.local:1
  url: ${DATABASE_URL} = postgres://me:mine@localhost/app
mongodb mongodb mongodb://localhost:27017/events at .env:2
  url: ${MONGODB_URI} = mongodb://localhost:27017/events
production-db postgres postgres://db.example.com/app at .env.production:2
  url: ${PRODUCTION_DB_DATABASE_URL} = postgres://app:pr0d@db.example.com/app?sslmode=require *PRODUCTION_DB_DATABASE_URL
note: .env:1: DATABASE_URL does not count: .env.local:1 has another value
note: .env.example: not read: an example, or of tests
note: .env.test: not read: an example, or of tests
");
}

#[test]
fn the_parts_of_a_monorepo() {
    let findings = found(
        &[
            ("apps/web/.env", "DATABASE_URL=postgres://127.0.0.1/app\n"),
            ("apps/web/.env.production", "DATABASE_URL=postgres://db.example.com/app\n"),
            ("apps/web/node_modules/other/.env", "DATABASE_URL=postgres://127.0.0.1/other\n"),
            ("packages/queue/.env.local", "REDIS_URL=redis://127.0.0.1:6379\n"),
            (
                "packages/queue/compose.yml",
                "services:\n  db:\n    image: postgres\n    ports: ['5433:5432']\n",
            ),
            ("packages/queue/src/deep/.env", "AMQP_URL=amqp://127.0.0.1\n"),
        ],
        &[],
    );
    assert_found(
        &findings,
        "
db postgres postgres://127.0.0.1/app at apps/web/.env:1
  url: ${DATABASE_URL} = postgres://127.0.0.1/app
web-production-db postgres postgres://db.example.com/app at apps/web/.env.production:1
  url: ${WEB_PRODUCTION_DB_DATABASE_URL} = postgres://db.example.com/app *WEB_PRODUCTION_DB_DATABASE_URL
cache redis redis://127.0.0.1:6379 at packages/queue/.env.local:1
  url: ${REDIS_URL} = redis://127.0.0.1:6379
",
    );
}

#[test]
fn a_spring_app() {
    let env = "\
SPRING_DATASOURCE_URL=jdbc:postgresql://db.internal:5432/orders
SPRING_DATASOURCE_USERNAME=orders
SPRING_DATASOURCE_PASSWORD=0rders
SPRING_DATA_REDIS_HOST=redis.internal
SPRING_DATA_REDIS_PASSWORD=r3dis
SPRING_RABBITMQ_HOST=rabbit.internal
SPRING_RABBITMQ_USERNAME=orders
SPRING_RABBITMQ_PASSWORD=rabb1t
SPRING_RABBITMQ_VIRTUAL_HOST=/orders
SPRING_DATA_MONGODB_URI=mongodb://mongo-1.internal,mongo-2.internal/audit?replicaSet=rs0
LEGACY_URL=jdbc:mysql://legacy.internal/legacy
";
    assert_found(&found(&[(".env", env)], &[]), "
db postgres postgresql://db.internal:5432/orders at .env:1
  url: ${DB_URL} = postgresql://orders@db.internal:5432/orders *DB_URL
  password: ${SPRING_DATASOURCE_PASSWORD} = 0rders
mongodb mongodb mongodb://mongo-1.internal,mongo-2.internal/audit at .env:10
  url: ${SPRING_DATA_MONGODB_URI} = mongodb://mongo-1.internal,mongo-2.internal/audit?replicaSet=rs0
cache redis redis://redis.internal at .env:4
  url: redis://${SPRING_DATA_REDIS_HOST} = redis://redis.internal
  password: ${SPRING_DATA_REDIS_PASSWORD} = r3dis
broker rabbitmq amqp://rabbit.internal/%2Forders at .env:6
  url: amqp://${SPRING_RABBITMQ_USERNAME}@${SPRING_RABBITMQ_HOST}/${SPRING_RABBITMQ_VIRTUAL_HOST} = amqp://orders@rabbit.internal/%2Forders *SPRING_RABBITMQ_VIRTUAL_HOST
  password: ${SPRING_RABBITMQ_PASSWORD} = rabb1t
note: .env:11: LEGACY_URL: MySQL, for which there is no kind
note: .env:1: SPRING_DATASOURCE_URL has a scheme of a library: DB_URL has to hold the URL as postgresql://…
");
}

#[test]
fn the_environment_comes_first() {
    let environment = [
        ("DATABASE_URL", "postgres://app:e@db.example.com/app"),
        ("PGHOST", "/var/run/postgresql"),
        ("PGUSER", "app"),
        ("PGDATABASE", "app"),
        ("PATH", "/usr/bin"),
        ("DOCKER_HOST", "unix:///var/run/docker.sock"),
        ("REDIS_URL", "unix:///run/redis/redis.sock?db=2"),
        ("EVENTS_REDIS_URL", "rediss://default:t@events.example.com:6380"),
        ("RABBITMQ_HOST", "mq.example.com"),
        ("RABBITMQ_DEFAULT_USER", "a b"),
        ("RABBITMQ_DEFAULT_PASS", "p"),
        ("MONGO_HOST", "mongo.example.com"),
        ("MONGO_DB", "app"),
        ("BROKEN_DATABASE_URL", "postgres://app:a/b@db.example.com/app"),
        ("TEMPLATE_DATABASE_URL", "postgres://app:${PASS}@db.example.com/app"),
    ];
    // Two of these are services of the environment, one is another one of the same name.
    let env = "\
DATABASE_URL=postgres://app@localhost/app
REPLICA_DATABASE_URL=postgres://app:other@db.example.com:5432/app
QUEUE_URL=rediss://events.example.com:6380/0
";
    assert_found(
        &found(&[(".env", env)], &environment),
        r#"
db postgres postgres://db.example.com/app at environment, .env:2
  url: ${DATABASE_URL} = postgres://app:e@db.example.com/app
events redis rediss://events.example.com:6380 at environment, .env:3
  url: ${EVENTS_REDIS_URL} = rediss://default:t@events.example.com:6380
mongodb mongodb mongodb://mongo.example.com/app at environment
  url: mongodb://${MONGO_HOST}/${MONGO_DB} = mongodb://mongo.example.com/app
db-postgres postgres postgres:///app at environment
  url: postgres://${PGUSER}@/${PGDATABASE}?host=${PGHOST} = postgres://app@/app?host=/var/run/postgresql
broker rabbitmq amqp://mq.example.com at environment
  url: amqp://${RABBITMQ_DEFAULT_USER}@${RABBITMQ_HOST} = amqp://a%20b@mq.example.com *RABBITMQ_DEFAULT_USER
  password: ${RABBITMQ_DEFAULT_PASS} = p
cache redis unix:///run/redis/redis.sock at environment
  url: ${REDIS_URL} = unix:///run/redis/redis.sock?db=2
note: .env:1: DATABASE_URL does not count: environment has another value
note: environment: BROKEN_DATABASE_URL: found `@` after the host: percent-encode it; in a user or password, `@` is %40, `/` is %2F, `?` is %3F, `#` is %23, `\` is %5C and `%` is %25, or leave the password out of the URL and give it under its own key
note: environment: TEMPLATE_DATABASE_URL: a part of the URL is a placeholder that nothing has filled in
"#,
    );
}

#[test]
fn values_of_files_of_variables() {
    let env = "\
A=1
not a line
HOST=localhost
DATABASE_URL=postgres://${USER_NAME:-app}:${PASS}@${HOST}/app
LITERAL_DATABASE_URL='postgres://app:pa$word@literal.example.com/app'
PLAIN_DATABASE_URL=postgres://app:pa$word@plain.example.com/app
ESCAPED_DATABASE_URL=\"postgres://app:pa\\$HOST@escaped.example.com/app\"
KEY=\"-----BEGIN KEY-----
MIIB
-----END KEY-----\"
OTHER_DATABASE_URL=${ELSEWHERE}
NAME=it's Bob's # and \"no one\" else's
QUOTED_DATABASE_URL=postgres://app:pa'ss\"wo%23rd@quoted.example.com/app # a comment
app.database=postgres://dotted.example.com/app
LINES_DATABASE_URL='postgres://app@lines.example.com/app
PASSWORD=x'
LAST_DATABASE_URL=postgres://last.example.com/app
";
    assert_found(
        &found(&[(".env", env)], &[]),
        r#"
db postgres postgres://localhost/app at .env:4
  url: ${DATABASE_URL} = ?
escaped-db postgres postgres://escaped.example.com/app at .env:7
  url: ${ESCAPED_DATABASE_URL} = postgres://app:pa$HOST@escaped.example.com/app
last-db postgres postgres://last.example.com/app at .env:17
  url: ${LAST_DATABASE_URL} = postgres://last.example.com/app
literal-db postgres postgres://literal.example.com/app at .env:5
  url: ${LITERAL_DATABASE_URL} = postgres://app:pa$word@literal.example.com/app
other-db postgres ${OTHER_DATABASE_URL} at .env:11
  url: ${OTHER_DATABASE_URL} = ?
plain-db postgres postgres://plain.example.com/app at .env:6
  url: ${PLAIN_DATABASE_URL} = postgres://app:pa$word@plain.example.com/app
quoted-db postgres postgres://quoted.example.com/app at .env:13
  url: ${QUOTED_DATABASE_URL} = postgres://app:pa'ss"wo%23rd@quoted.example.com/app
app-db postgres postgres://dotted.example.com/app at .env:14
  url: ${APP_DATABASE} = postgres://dotted.example.com/app *APP_DATABASE
note: .env:2: not read: expected NAME=value
note: .env:4: DATABASE_URL has no value: PASS is not set
note: .env:11: OTHER_DATABASE_URL has no value: ELSEWHERE is not set
note: .env:15: LINES_DATABASE_URL: there is white space in the URL: is a quote not closed?
"#,
    );
    // A variable of the environment is one of the file as well.
    let with = found(&[(".env", env)], &[("PASS", "from-environment")]);
    let described = described(&with);
    assert!(described.contains("postgres://app:from-environment@localhost/app"), "{described}");
}

#[test]
fn hosts_with_ports_and_names_without_separators() {
    let env = "\
REDIS_ADDR=redis.internal:6390
REDISHOST=2001:db8::1
REDISPORT=6379
RABBITMQ_SERVICE_HOST=10.0.0.5
RABBITMQ_SERVICE_PORT=tcp://10.0.0.5:5672
RABBITMQ_MANAGEMENT_URL=http://10.0.0.5:15672
EVENTS_AMQP_URL=amqp://events.internal
REDIS_SENTINEL_HOST=sentinel.internal
CACHE_URL=redis-sentinel://sentinel.internal:26379/main
TEST_DB_HOST=localhost
TEST_DB_PORT=5432
REPORTS_DB_HOST=reports.internal
LOCAL_DB_CONNECTION=sqlite
LOCAL_DB_HOST=127.0.0.1
POSTGRES_SERVER=postgres.internal
POSTGRES_USER=app
POSTGRES_DB=app
REDIS_TLS_HOST=tls.internal
REDIS_TLS_USERNAME=app
REDIS_TLS_PASSWORD=t1s
REDIS_TLS_SSL=true
HOST=0.0.0.0
PORT=3000
";
    assert_found(&found(&[(".env", env)], &[]),
        "
events rabbitmq amqp://events.internal at .env:7
  url: ${EVENTS_AMQP_URL} = amqp://events.internal
db postgres postgres://postgres.internal/app at .env:15
  url: postgres://${POSTGRES_USER}@${POSTGRES_SERVER}/${POSTGRES_DB} = postgres://app@postgres.internal/app
service-broker rabbitmq amqp://10.0.0.5 at .env:4
  url: amqp://${RABBITMQ_SERVICE_HOST} = amqp://10.0.0.5
  management_url: ${RABBITMQ_MANAGEMENT_URL} = http://10.0.0.5:15672
cache redis redis://[2001:db8::1]:6379 at .env:2
  url: redis://${REDISHOST}:${REDISPORT} = redis://[2001:db8::1]:6379 *REDISHOST
cache-redis redis redis://redis.internal:6390 at .env:1
  url: redis://${REDIS_ADDR} = redis://redis.internal:6390
cache-2 redis rediss://tls.internal at .env:18
  url: rediss://${REDIS_TLS_HOST} = rediss://tls.internal
  username: ${REDIS_TLS_USERNAME} = app
  password: ${REDIS_TLS_PASSWORD} = t1s
note: .env:9: CACHE_URL: sentinels: write `sentinel: {master: NAME, urls: […]}` by hand
note: .env:14: LOCAL_DB_HOST: SQLite, for which there is no kind
note: .env:8: REDIS_SENTINEL_HOST: sentinels: write `sentinel: {master: NAME, urls: […]}` by hand
note: .env:12: REPORTS_DB_HOST: the engine is not known: neither a variable such as DB_CONNECTION nor the port names it
note: .env:10: TEST_DB_HOST: left out: a database of tests
",
    );
}

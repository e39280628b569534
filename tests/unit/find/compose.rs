//! Services of Compose.

use super::{assert_found, found};

#[test]
fn services_of_an_application() {
    let compose = r#"
x-app: &app
  image: ghcr.io/acme/shop:1.4
  env_file: [.env, {path: config/app.env}, {path: absent.env, required: false}]
  environment: &environment
    DATABASE_URL: postgres://shop:${POSTGRES_PASSWORD}@db:5432/shop
    REDIS_URL: redis://:${REDIS_PASSWORD:-d3fault}@cache:6379/0
    AMQP_URL: "amqp://shop:bunny@broker/shop"
    RAILS_MAX_THREADS: 5
services:
  web:
    <<: *app
    ports: ["3000:3000"]
  worker:
    <<: *app
    environment:
      <<: *environment
      SEARCH_DATABASE_URL: postgresql://search@search-db/search
  db:
    image: docker.io/library/postgres:16-alpine@sha256:0123
    environment:
      - POSTGRES_USER=shop
      - POSTGRES_PASSWORD=${POSTGRES_PASSWORD:?set it in .env}
    ports: ["${DB_PORT:-5433}:5432"]
  search-db:
    image: pgvector/pgvector:pg17
    environment: {POSTGRES_PASSWORD: vect0r, POSTGRES_DB: search}
    expose: [5432]
  cache:
    image: redis:7
    command: redis-server --requirepass ${REDIS_PASSWORD:-d3fault} --appendonly yes
    ports:
      - {target: 6379, published: "6380", host_ip: 127.0.0.1, protocol: tcp}
  broker:
    image: rabbitmq:4-management
    environment: {RABBITMQ_DEFAULT_USER: shop, RABBITMQ_DEFAULT_PASS: bunny, RABBITMQ_DEFAULT_VHOST: shop}
    ports: ["5672:5672", "127.0.0.1:15673:15672"]
  mongo:
    image: mongo:8
    environment: {MONGO_INITDB_ROOT_USERNAME: root, MONGO_INITDB_ROOT_PASSWORD: mong0}
    ports: ["0.0.0.0:27018:27017"]
  legacy:
    image: mysql:8
  admin:
    image: dpage/pgadmin4
"#;
    let files = [
        ("docker-compose.yml", compose),
        (".env", "POSTGRES_PASSWORD=s3cret\n"),
        (
            "config/app.env",
            "S3_BUCKET=shop\nS3_ENDPOINT=http://store:9000\nMINIO_ROOT_USER=minio\nMINIO_ROOT_PASSWORD=m1nio\nRABBITMQ_MANAGEMENT_URL=http://broker:15672\n",
        ),
    ];
    assert_found(&found(&files, &[]), "
broker rabbitmq amqp://127.0.0.1:5672/shop at docker-compose.yml:12 (service web), docker-compose.yml:17 (service worker), docker-compose.yml:35 (service broker)
  url: ${AMQP_URL} = amqp://shop:bunny@127.0.0.1:5672/shop *AMQP_URL
  management_url: ${RABBITMQ_MANAGEMENT_URL} = http://127.0.0.1:15673 *RABBITMQ_MANAGEMENT_URL
db postgres postgres://127.0.0.1:5433/shop at docker-compose.yml:12 (service web), docker-compose.yml:17 (service worker), docker-compose.yml:20 (service db)
  url: ${DATABASE_URL} = postgres://shop:s3cret@127.0.0.1:5433/shop *DATABASE_URL
cache redis redis://127.0.0.1:6380/0 at docker-compose.yml:12 (service web), docker-compose.yml:17 (service worker), docker-compose.yml:30 (service cache)
  url: ${REDIS_URL} = redis://:d3fault@127.0.0.1:6380/0 *REDIS_URL
bucket s3 http://store:9000/shop at config/app.env:1 (service web), config/app.env:1 (service worker)
  bucket: ${S3_BUCKET} = shop
  endpoint: ${S3_ENDPOINT} = http://store:9000
  access_key_id: ${MINIO_ROOT_USER} = minio
  secret_access_key: ${MINIO_ROOT_PASSWORD} = m1nio
search-db postgres postgresql://search-db/search at docker-compose.yml:18 (service worker), docker-compose.yml:26 (service search-db)
  url: ${SEARCH_DATABASE_URL} = postgresql://search@search-db/search
mongo mongodb mongodb://127.0.0.1:27018/ at docker-compose.yml:39 (service mongo)
  url: ${MONGO_URL} = mongodb://root@127.0.0.1:27018/?directConnection=true *MONGO_URL
  password: ${MONGO_INITDB_ROOT_PASSWORD} = mong0
note: docker-compose.yml:18 (service worker): search-db:5432 is only reached from its network: docker-compose.yml:25 (service search-db) does not publish the port
note: docker-compose.yml:43 (service legacy): MySQL, for which there is no kind
");
}

#[test]
fn the_parts_of_a_database_and_its_published_port() {
    let compose = "
services:
  app:
    build: .
    environment:
      DB_HOST: db
      DB_DATABASE: crm
      DB_USERNAME: crm
      DB_PASSWORD: ${DB_PASSWORD}
      QUEUE_REDIS_HOST: redis
      QUEUE_REDIS_PORT: 6379
      QUEUE_REDIS_DB: 3
      MONGO_HOST: mongo
      EVENTS_URL: mongodb://mongo/events?replicaSet=rs0
      S3_BUCKET: crm
      S3_ACCESS_KEY: without-its-secret
      AWS_URL: https://cdn.example.com
      MINIO_ENDPOINT: minio:9000
      MINIO_ACCESS_KEY: key
      MINIO_SECRET_KEY: s3cret
  db:
    image: timescale/timescaledb:latest-pg16
    environment: {POSTGRES_USER: crm, POSTGRES_PASSWORD: \"${DB_PASSWORD}\"}
    ports: ['5440:5432']
  redis:
    image: valkey/valkey:8
    ports: ['6379:6379']
  mongo:
    image: mongo
    ports: ['27017:27017']
  minio:
    image: quay.io/minio/minio
    ports: ['9002:9000']
";
    assert_found(&found(&[("compose.yaml", compose)], &[("DB_PASSWORD", "from-environment")]), "
db postgres postgres://127.0.0.1:5440/crm at compose.yaml:6 (service app), compose.yaml:22 (service db)
  url: postgres://${DB_USERNAME}@${DB_HOST}:${DB_PORT}/${DB_DATABASE} = postgres://crm@127.0.0.1:5440/crm *DB_HOST *DB_PORT
  password: ${DB_PASSWORD} = from-environment
mongo mongodb mongodb://127.0.0.1:27017/events at compose.yaml:14 (service app), compose.yaml:29 (service mongo)
  url: ${EVENTS_URL} = mongodb://127.0.0.1:27017/events?replicaSet=rs0&directConnection=true *EVENTS_URL
mongodb mongodb mongodb://127.0.0.1/ at compose.yaml:13 (service app)
  url: mongodb://${MONGO_HOST}/?directConnection=true = mongodb://127.0.0.1/?directConnection=true *MONGO_HOST
redis redis redis://127.0.0.1:6379/3 at compose.yaml:10 (service app), compose.yaml:26 (service redis)
  url: redis://${QUEUE_REDIS_HOST}:${QUEUE_REDIS_PORT}/${QUEUE_REDIS_DB} = redis://127.0.0.1:6379/3 *QUEUE_REDIS_HOST *QUEUE_REDIS_PORT
bucket s3 http://127.0.0.1:9002/crm at compose.yaml:15 (service app)
  bucket: ${S3_BUCKET} = crm
  endpoint: ${BUCKET_ENDPOINT} = http://127.0.0.1:9002 *BUCKET_ENDPOINT
  access_key_id: ${MINIO_ACCESS_KEY} = key
  secret_access_key: ${MINIO_SECRET_KEY} = s3cret
note: compose.yaml:18 (service app): MINIO_ENDPOINT is no URL: BUCKET_ENDPOINT has to hold it as http://… or https://…
");
}

#[test]
fn an_override_changes_the_services_of_the_first_file() {
    let base = "
services:
  web: {image: web, environment: {DB_HOST: db, DB_USER: app, DB_NAME: app}}
  db: {image: 'postgres:17'}
";
    let changed = "
services:
  web: {environment: [DB_PASSWORD=0verride]}
  db: {ports: ['127.0.0.1:15432:5432'], environment: {POSTGRES_PASSWORD: 0verride}}
";
    let production =
        "services:\n  web:\n    environment:\n      DB_HOST: db.example.com\n      DB_PORT: 5432\n";
    let files = [
        ("docker-compose.override.yml", changed),
        ("docker-compose.prod.yml", production),
        ("docker-compose.yml", base),
    ];
    assert_found(&found(&files, &[]), "
db postgres postgres://127.0.0.1:15432/app at docker-compose.yml:3 (service web), docker-compose.yml:4 (service db)
  url: postgres://${DB_USER}@${DB_HOST}:${DB_PORT}/${DB_NAME} = postgres://app@127.0.0.1:15432/app *DB_HOST *DB_PORT
  password: ${DB_PASSWORD} = 0verride
web-db postgres postgres://db.example.com:5432/app at docker-compose.prod.yml:4 (service web)
  url: postgres://${DB_USER}@${WEB_DB_DB_HOST}:${WEB_DB_DB_PORT}/${DB_NAME} = postgres://app@db.example.com:5432/app *WEB_DB_DB_HOST *WEB_DB_DB_PORT
");
}

#[test]
fn a_bucket_is_needed_for_a_store() {
    let compose = "services:\n  store:\n    image: minio/minio:latest\n    ports: ['9000:9000']\n";
    assert_found(
        &found(&[("deploy/docker-compose.yml", compose)], &[]),
        "
note: deploy/docker-compose.yml:3 (service store): which bucket? No variable such as S3_BUCKET names one
",
    );
}

#[test]
fn what_is_in_files_and_in_compose_is_one_source() {
    let compose = "
services:
  web: {image: web, environment: {DATABASE_URL: 'postgres://app:pw@db/app', CABLE_URL: 'redis://cache'}}
  db: {image: postgres, ports: ['5432:5432'], environment: {POSTGRES_USER: app, POSTGRES_PASSWORD: pw}}
  cache: {image: redis, network_mode: host}
";
    let files = [
        ("compose.yml", compose),
        (
            ".env",
            "DATABASE_URL=postgres://app:pw@localhost:5432/app\nPRIMARY_URL=postgresql://app:pw@127.0.0.1\n",
        ),
    ];
    assert_found(&found(&files, &[("REDIS_URL", "redis://localhost:6379/0")]), "
cache redis redis://localhost:6379/0 at environment, compose.yml:3 (service web), compose.yml:5 (service cache)
  url: ${REDIS_URL} = redis://localhost:6379/0
db postgres postgres://localhost:5432/app at .env:1, .env:2, compose.yml:3 (service web), compose.yml:4 (service db)
  url: ${DATABASE_URL} = postgres://app:pw@localhost:5432/app
");
}

#[test]
fn variables_in_texts() {
    let compose = "
services:
  a: {image: web, environment: {DATABASE_URL: 'postgres://${USER_A:-a}:$$x@${HOST_A-a}.example.com/${EMPTY}'}}
  b: {image: web, environment: {DATABASE_URL: 'postgres://b:${ABSENT}@b.example.com/app'}}
  c: {image: web, environment: {DATABASE_URL: 'postgres://c@$SET/${SET:+app}${ABSENT:+wrong}'}}
  d: {image: web, environment: {DATABASE_URL: 'postgres://d@${ABSENT:-${ALSO_ABSENT:-nested}}.example.com'}}
  e: {image: web, environment: {DATABASE_URL: 'postgres://e@${ABSENT'}}
  f: {image: web, environment: {DATABASE_URL: '${DATABASE_URL:?of the deployment}'}}
  g: {image: web, environment: [REDIS_URL, MONGODB_URI=mongodb://g.example.com]}
  h: {image: web, environment: {DATABASE_URL: 'postgres://h@${ABSENT}:5432/app'}}
";
    let environment =
        [("SET", "c.example.com"), ("EMPTY", ""), ("REDIS_URL", "redis://environment.example.com")];
    assert_found(
        &found(&[("compose.yml", compose)], &environment),
        "
cache redis redis://environment.example.com at environment, compose.yml:9 (service g)
  url: ${REDIS_URL} = redis://environment.example.com
db postgres postgres://a.example.com/ at compose.yml:3 (service a)
  url: ${DATABASE_URL} = postgres://a:$x@a.example.com/
b-db postgres postgres://b.example.com/app at compose.yml:4 (service b)
  url: ${B_DB_DATABASE_URL} = ? *B_DB_DATABASE_URL
c-db postgres postgres://c.example.com/app at compose.yml:5 (service c)
  url: ${C_DB_DATABASE_URL} = postgres://c@c.example.com/app *C_DB_DATABASE_URL
d-db postgres postgres://nested.example.com at compose.yml:6 (service d)
  url: ${D_DB_DATABASE_URL} = postgres://d@nested.example.com *D_DB_DATABASE_URL
f-db postgres ${F_DB_DATABASE_URL} at compose.yml:8 (service f)
  url: ${F_DB_DATABASE_URL} = ? *F_DB_DATABASE_URL
mongodb mongodb mongodb://g.example.com at compose.yml:9 (service g)
  url: ${MONGODB_URI} = mongodb://g.example.com
h-db postgres ${H_DB_DATABASE_URL} at compose.yml:10 (service h)
  url: ${H_DB_DATABASE_URL} = ? *H_DB_DATABASE_URL
note: compose.yml:4 (service b): DATABASE_URL has no value: ABSENT is not set
note: compose.yml:7 (service e): DATABASE_URL has no value: a `${` is not closed, or has no name
note: compose.yml:8 (service f): DATABASE_URL has no value: DATABASE_URL is not set
note: compose.yml:10 (service h): DATABASE_URL has no value: ABSENT is not set
",
    );
}

#[test]
fn hosts_by_other_names() {
    let compose = "
services:
  web:
    image: web
    environment:
      DATABASE_URL: postgres://app@shop-db/app
      REDIS_URL: redis://host.docker.internal:6379
      QUEUE_AMQP_URL: amqp://mq.internal
  db: {image: postgres, container_name: shop-db, ports: ['5433:5432']}
  mq: {image: rabbitmq, hostname: mq.internal, ports: ['5673:5672/tcp', '5673:5672/udp', '15672', '[::1]:4369:4369']}
";
    // A file that Compose gives to its services, and that is read here as well.
    let env = "REPORTS_DATABASE_URL=postgres://reports@db:5432/reports\n";
    assert_found(
        &found(&[("compose.yml", compose), (".env", env)], &[]),
        "
db postgres postgres://127.0.0.1:5433/reports at .env:1, compose.yml:9 (service db)
  url: ${REPORTS_DATABASE_URL} = postgres://reports@127.0.0.1:5433/reports *REPORTS_DATABASE_URL
shop-db postgres postgres://127.0.0.1:5433/app at compose.yml:6 (service web)
  url: ${DATABASE_URL} = postgres://app@127.0.0.1:5433/app *DATABASE_URL
mq.internal rabbitmq amqp://127.0.0.1:5673 at compose.yml:8 (service web), compose.yml:10 (service mq)
  url: ${QUEUE_AMQP_URL} = amqp://127.0.0.1:5673 *QUEUE_AMQP_URL
cache redis redis://127.0.0.1:6379 at compose.yml:7 (service web)
  url: ${REDIS_URL} = redis://127.0.0.1:6379 *REDIS_URL
",
    );
}

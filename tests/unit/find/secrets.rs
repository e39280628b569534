//! No value of a file is in what is printed.

use super::{described, found};

/// Whatever is secret in the files below.
const PLANTED: &str = "PLANTED";

#[test]
fn are_never_printed() {
    let env = "\
DATABASE_URL=postgres://user:PLANTED1@db.example.com/app?password=PLANTED2
BROKEN_DATABASE_URL=postgres://user:PLANTED/3@db.example.com/app
BROKEN_REDIS_URL=redis://user:PLANTED#4@db.example.com/app
PORT_DATABASE_URL=postgres://user:PLANTED5
TEMPLATE_DATABASE_URL=postgres://user:PLANTED6${ABSENT}@db.example.com/app
MYSQL_URL=mysql://user:PLANTED7@db.example.com/app
SQL_DATABASE_URL=postgresql+asyncpg://user:PLANTED8@db.example.com/other
JDBC_URL=jdbc:postgresql://db.example.com/jdbc?user=a&password=PLANTED9
DB_HOST=parts.example.com
DB_PORT=5432
DB_USER=user
DB_PASSWORD='PLANTED10
EXTRA_DB_HOST=PLANTED11
PLANTED12
STRIPE_API_KEY=sk_live_PLANTED13
S3_BUCKET='not a bucket PLANTED14'
AWS_BUCKET=bucket
AWS_ENDPOINT=PLANTED15:key@minio.example.com
AWS_ACCESS_KEY_ID=PLANTED16
AWS_SECRET_ACCESS_KEY=PLANTED17
";
    let compose = "
services:
  web:
    image: web
    environment:
      DATABASE_URL: postgres://app:PLANTED18@db/app
      REDIS_URL: redis://:${ABSENT:?PLANTED19}@cache
      AMQP_URL: amqp://a:PLANTED20@mq
  db: {image: postgres, environment: {POSTGRES_PASSWORD: PLANTED21}}
  cache: {image: redis, command: [redis-server, --requirepass, PLANTED22], ports: ['1:6379']}
  mq: {image: rabbitmq, environment: [RABBITMQ_DEFAULT_PASS=PLANTED23]}
";
    let broken = "services:\n  web:\n    environment:\n      A: PLANTED24: PLANTED25\n      B: *PLANTED26\n";
    let cluster = "\
apiVersion: v1
kind: Secret
metadata: {name: app}
data: {url: cG9zdGdyZXM6Ly91c2VyOlBMQU5URUQzN0BrLmV4YW1wbGUuY29tL2FwcA==, wrong: '%%PLANTED27'}
---
apiVersion: v1
kind: Pod
metadata: {name: app}
spec:
  containers:
    - env:
        - {name: APP_DATABASE_URL, valueFrom: {secretKeyRef: {name: app, key: url}}}
        - {name: OTHER_DATABASE_URL, value: 'postgres://user:PLANTED28$(ABSENT)@k.example.com/app'}
        - {name: PGHOST, value: k2.example.com}
        - {name: PGPASSWORD, value: PLANTED29}
---
apiVersion: v1
kind: Secret
stringData: {a: PLANTED30: PLANTED31}
";
    let files = [
        (".env", env),
        ("docker-compose.yml", compose),
        ("docker-compose.broken.yml", broken),
        ("k8s/app.yml", cluster),
        (".env.production", "PLANTED32\nA='PLANTED33\nB=\"\\qPLANTED34\"\n=PLANTED35\n"),
    ];
    let findings = found(&files, &[("REDIS_URL", "redis://:PLANTED36@r.example.com"), ("PGHOST", "h")]);
    // They were read, and are there for those who connect.
    for secret in [
        "PLANTED1@",
        "PLANTED8@",
        "PLANTED13",
        "PLANTED18@",
        "PLANTED20@",
        "PLANTED22",
        "PLANTED29",
        "PLANTED36@",
    ] {
        assert!(described(&findings).contains(secret), "{secret}: {}", described(&findings));
    }
    for printed in [findings.to_string(), format!("{findings:?}"), format!("{findings:#?}")] {
        assert!(!printed.contains(PLANTED), "{printed}");
    }
}

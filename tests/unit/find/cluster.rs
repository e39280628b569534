//! Manifests of Kubernetes.

use super::{assert_found, found};

#[test]
fn workloads_with_their_values() {
    let app = r#"apiVersion: v1
kind: ConfigMap
metadata: {name: shop}
data:
  REDIS_HOST: redis.cache.svc.cluster.local
  REDIS_PORT: "6379"
  events: amqp://events.example.com/shop
---
# The secret of the store is among the manifests, that of the database is not.
apiVersion: v1
kind: Secret
metadata: {name: store}
data:
  S3_BUCKET: c2hvcC11cGxvYWRz
stringData:
  AWS_ACCESS_KEY_ID: AKIAEXAMPLE
  AWS_SECRET_ACCESS_KEY: wJalr
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      initContainers:
        - name: migrate
          image: shop
          env:
            - name: DATABASE_URL
              valueFrom: {secretKeyRef: {name: shop-db, key: url}}
      containers:
        - name: web
          image: shop
          envFrom:
            - configMapRef: {name: shop}
            - secretRef: {name: store}
            - secretRef: {name: mail}
          env:
            - name: DATABASE_URL
              valueFrom: {secretKeyRef: {name: shop-db, key: url}}
            - name: AMQP_URL
              valueFrom: {configMapKeyRef: {name: shop, key: events}}
            - name: MONGO_PASSWORD
              value: m0ngo
            - name: MONGODB_URI
              value: mongodb://shop:$(MONGO_PASSWORD)@mongo:27017/shop
            - name: STRIPE_SECRET_KEY
              valueFrom: {secretKeyRef: {name: stripe, key: secret}}
"#;
    let report = r#"apiVersion: v1
kind: List
items:
  - apiVersion: batch/v1
    kind: CronJob
    metadata: {name: report, namespace: reports}
    spec:
      jobTemplate:
        spec:
          template:
            spec:
              containers:
                - name: report
                  env:
                    - {name: PGHOST, value: db.example.com}
                    - {name: PGUSER, value: report}
                    - name: PGPASSWORD
                      valueFrom: {secretKeyRef: {name: report, key: password}}
                    - {name: DATABASE_URL, value: "postgres://report:$(PGPASSWORD)@db.example.com/app"}
"#;
    let files = [("k8s/base/app.yaml", app), ("report.yml", report), ("k8s/values.yml", "replicas: 2\n")];
    assert_found(&found(&files, &[]), "
db postgres postgres://db.example.com/app at report.yml:19 (CronJob report)
  url: ${DATABASE_URL} = ?
report-db postgres postgres://db.example.com at report.yml:15 (CronJob report)
  url: postgres://${PGUSER}@${PGHOST} = postgres://report@db.example.com
  password: ${PGPASSWORD} = ?
web-db postgres ${WEB_DB_DATABASE_URL} at k8s/base/app.yaml:29 (Deployment web), k8s/base/app.yaml:39 (Deployment web)
  url: ${WEB_DB_DATABASE_URL} = ? *WEB_DB_DATABASE_URL
broker rabbitmq amqp://events.example.com/shop at k8s/base/app.yaml:7 (ConfigMap shop)
  url: ${AMQP_URL} = amqp://events.example.com/shop
mongodb mongodb mongodb://mongo:27017/shop at k8s/base/app.yaml:45 (Deployment web)
  url: ${MONGODB_URI} = mongodb://shop:m0ngo@mongo:27017/shop
cache redis redis://redis.cache.svc.cluster.local:6379 at k8s/base/app.yaml:5 (ConfigMap shop)
  url: redis://${REDIS_HOST}:${REDIS_PORT} = redis://redis.cache.svc.cluster.local:6379
bucket s3 s3://shop-uploads at k8s/base/app.yaml:14 (Secret store)
  bucket: ${S3_BUCKET} = shop-uploads
  access_key_id: ${AWS_ACCESS_KEY_ID} = AKIAEXAMPLE
  secret_access_key: ${AWS_SECRET_ACCESS_KEY} = wJalr
stripe stripe https://api.stripe.com at k8s/base/app.yaml:47 (Deployment web)
  api_key: ${STRIPE_SECRET_KEY} = ?
note: k8s/base/app.yaml:37 (Deployment web): Secret mail is not among the manifests: its variables are not known
note: k8s/base/app.yaml:45 (Deployment web): mongo:27017 is only reached from inside the cluster
note: k8s/base/app.yaml:5 (ConfigMap shop): redis.cache.svc.cluster.local:6379 is only reached from inside the cluster
");
}

#[test]
fn what_cannot_be_read_does_not_stop_the_rest() {
    let good = "apiVersion: v1\nkind: Pod\nmetadata: {name: one}\nspec:\n  containers:\n    - env: [{name: REDIS_URL, value: redis://r.example.com}]\n";
    let files = [
        ("deploy/a.yml", "apiVersion: v1\nkind: Pod\nspec: {containers: [\n"),
        (
            "deploy/b.yml",
            &format!(
                "{good}---\napiVersion: v1\nkind: Pod\n  spec: wrong\n---\n{}",
                good.replace("r.", "s.")
            ),
        ),
        ("deploy/chart.yml", "apiVersion: v1\nkind: Pod\nname: {{ .Values.name }}\n"),
        ("docker-compose.yml", "services:\n  web:\n    environment:\n   - wrong\n"),
        (
            "compose.prod.yml",
            "services:\n  web: {image: web, image: web, environment: {DATABASE_URL: 'postgres://d.example.com'}}\n",
        ),
    ];
    assert_found(&found(&files, &[]), "
db postgres postgres://d.example.com at compose.prod.yml:2 (service web)
  url: ${DATABASE_URL} = postgres://d.example.com
cache redis redis://r.example.com at deploy/b.yml:6 (Pod one)
  url: ${REDIS_URL} = redis://r.example.com
one-cache redis redis://s.example.com at deploy/b.yml:17 (Pod one)
  url: ${ONE_CACHE_REDIS_URL} = redis://s.example.com *ONE_CACHE_REDIS_URL
note: docker-compose.yml:4:4: not valid YAML: while parsing a block mapping, did not find expected key; does the indentation match the lines above?
note: compose.prod.yml:2:21: duplicate key, first on line 2
note: deploy/a.yml:3:20: not valid YAML: unclosed bracket '['
note: deploy/b.yml:10:7: not valid YAML: mapping values are not allowed in this context
note: deploy/chart.yml: not read: a template; write what it renders into a file
");
}

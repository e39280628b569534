// mongosh "mongodb://admin@HOST/hayon" platforms/hayon/indexes.js — with the application's database in the URL.
//
// The index for the scheduled_posts query, which then reads only waiting posts instead of all. The application's schema
// declares the same index, but connects with `autoIndex: false`. Idempotent. Users and connections are counted over
// whole collections, which no index makes cheaper: platforms/hayon/README.md has the figures.

const indexes = {
  "createIndexes": "posts",
  "indexes": [{"key": {"status": 1, "scheduledAt": 1}, "name": "status_1_scheduledAt_1"}]
};

db.runCommand(indexes);

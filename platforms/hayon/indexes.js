// mongosh "mongodb://admin@HOST/hayon" platforms/hayon/indexes.js — with the application's database in the URL.
//
// The indexes for the queries on posts, which then read only unfinished posts and those of the last day instead of all.
// The application's schema declares the first two as well, but connects with `autoIndex: false`. Idempotent. Users and
// connections are counted over whole collections, which no index makes cheaper: platforms/hayon/README.md has the
// figures.

const indexes = {
  "createIndexes": "posts",
  "indexes": [
    {"key": {"status": 1, "scheduledAt": 1}, "name": "status_1_scheduledAt_1"},
    {"key": {"scheduledAt": 1}, "name": "scheduledAt_1"},
    {"key": {"createdAt": 1}, "name": "createdAt_1"}
  ]
};

db.runCommand(indexes);

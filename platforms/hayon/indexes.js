// mongosh "mongodb://admin@HOST/hayon" platforms/hayon/indexes.js — with the application's database in the URL.
//
// The index that the question for scheduled posts goes through: it then reads the posts that wait instead of all. It is
// that of the application's own schema, which connects with `autoIndex: false`. Repeat it freely. Users and connections
// are counted over whole collections, which no index makes cheaper: platforms/hayon/README.md has the figures.

const indexes = {
  "createIndexes": "posts",
  "indexes": [{"key": {"status": 1, "scheduledAt": 1}, "name": "status_1_scheduledAt_1"}]
};

db.runCommand(indexes);

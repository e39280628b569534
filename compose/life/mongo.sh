# A post every second. Those of the last day are kept.
exec mongosh --quiet --host mongo -u shop -p "$(cat /run/secrets/mongo_password)" --eval '
  const posts = db.getSiblingDB("shop").posts;
  const platforms = ["bluesky", "tumblr", "mastodon"];
  for (let second = 1; ; second++) {
    posts.insertOne({platform: platforms[Math.floor(Math.random() * 3)]});
    if (second % 600 === 0) { posts.deleteMany({_id: {$lt: ObjectId.createFromTime(Date.now() / 1000 - 86400)}}); }
    sleep(1000);
  }'

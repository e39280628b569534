# A post every second.
exec mongosh --quiet --host mongo -u shop -p "$(cat /run/secrets/mongo_password)" --eval '
  const posts = db.getSiblingDB("shop").posts;
  for (;;) { posts.insertOne({platform: ["bluesky", "tumblr", "mastodon"][Math.floor(Math.random() * 3)]}); sleep(1000); }'

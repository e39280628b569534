// mongosh "mongodb://admin@HOST/hayon" platforms/hayon/role.js — with the application's database in the URL.
//
// Creates a view for each collection that the pack reads, with only the fields it counts; a role that can read these
// views but no collection; and a user with this role. Whatever it runs, the exporter's account cannot read e-mail
// addresses, password hashes, platform tokens or post texts. Idempotent.
//
// In the configuration, use the views instead of the collections:
//   hayon: {db: …, users_collection: exporter_users, accounts_collection: exporter_accounts, posts_collection: exporter_posts}

// Accounts to leave out, with their connections and posts: filters on `users`, such as
//   [{"role": "admin"}, {"email": {"$regex": "@hayon[.]example$"}}, {"deletedAt": {"$ne": null}}]
// Run the script again after a change; with [] it leaves out nobody.
const excluded = [];

const views = [
  {
    "create": "exporter_users",
    "viewOn": "users",
    "pipeline": [
      {
        "$project": {
          "_id": 0,
          "isTest": 1,
          "isDisabled": 1,
          "createdAt": 1,
          "subscription.plan": 1,
          "subscription.status": 1,
          "subscription.stripeSubscriptionId": 1,
          "subscription.currentPeriodEnd": 1,
          "usage.postsCreated": 1,
          "usage.captionGenerations": 1,
          "limits.maxPosts": 1,
          "limits.maxCaptionGenerations": 1
        }
      }
    ]
  },
  {
    "create": "exporter_accounts",
    "viewOn": "socialaccounts",
    "pipeline": [
      {
        "$project": {
          "_id": 0,
          "isTest": 1,
          "bluesky.connected": 1,
          "bluesky.health.status": 1,
          "tumblr.connected": 1,
          "tumblr.health.status": 1,
          "facebook.connected": 1,
          "facebook.health.status": 1,
          "threads.connected": 1,
          "threads.health.status": 1,
          "mastodon.connected": 1,
          "mastodon.health.status": 1
        }
      }
    ]
  },
  {
    "create": "exporter_posts",
    "viewOn": "posts",
    "pipeline": [
      {
        "$project": {
          "_id": 0,
          "isTest": 1,
          "status": 1,
          "scheduledAt": 1,
          "createdAt": 1,
          "platformStatuses.platform": 1,
          "platformStatuses.status": 1,
          "platformStatuses.lastAttemptAt": 1
        }
      }
    ]
  }
];

// The first stages of the views if there are accounts to leave out: of the view of the accounts, and of the others, whose
// documents belong to an account.
const leaveOut = {
  "accounts": [{"$match": {"$nor": "EXCLUDED"}}],
  "owned": [
    {"$lookup": {"from": "users", "pipeline": [{"$match": {"$or": "EXCLUDED"}}, {"$project": {"_id": 1}}], "as": "excluded"}},
    {"$match": {"$expr": {"$not": {"$in": ["$userId", "$excluded._id"]}}}}
  ]
};

// `clusterMonitor` is for the server metrics: connections, latencies, slow operations, the replica set.
const role = {
  "createRole": "hayon_exporter",
  "privileges": [
    {"resource": {"db": "hayon", "collection": "exporter_users"}, "actions": ["find"]},
    {"resource": {"db": "hayon", "collection": "exporter_accounts"}, "actions": ["find"]},
    {"resource": {"db": "hayon", "collection": "exporter_posts"}, "actions": ["find"]}
  ],
  "roles": [{"role": "clusterMonitor", "db": "admin"}]
};

const admin = db.getSiblingDB("admin");
for (const view of views) {
  if (excluded.length > 0) {
    const stages = view.viewOn === "users" ? leaveOut.accounts : leaveOut.owned;
    const filtered = JSON.stringify(stages).replaceAll('"EXCLUDED"', JSON.stringify(excluded));
    view.pipeline = [...JSON.parse(filtered), ...view.pipeline];
  }
  if (db.getCollectionInfos({"name": view.create}).length === 0) {
    db.runCommand(view);
  } else {
    db.runCommand({"collMod": view.create, "viewOn": view.viewOn, "pipeline": view.pipeline});
  }
}
for (const privilege of role.privileges) {
  privilege.resource.db = db.getName();
}
if (admin.getRole(role.createRole) === null) {
  admin.runCommand(role);
} else {
  admin.runCommand({"updateRole": role.createRole, "privileges": role.privileges, "roles": role.roles});
}
if (admin.getUser("platform_exporter") === null) {
  admin.createUser({"user": "platform_exporter", "pwd": passwordPrompt(), "roles": ["hayon_exporter"]});
} else {
  admin.grantRolesToUser("platform_exporter", ["hayon_exporter"]);
}

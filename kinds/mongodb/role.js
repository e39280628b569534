// mongosh "mongodb://admin@HOST/admin" kinds/mongodb/role.js
//
// The least that the exporter needs of a server: its own values and the sizes of collections, and no document. It can be
// run again.

// For declared queries, add {"role": "read", "db": "shop"} for each database that they ask. platforms/hayon/role.js shows how
// views narrow that to single fields.
const roles = [{"role": "clusterMonitor", "db": "admin"}];

const admin = db.getSiblingDB("admin");
if (admin.getUser("platform_exporter") === null) {
  admin.createUser({"user": "platform_exporter", "pwd": passwordPrompt(), "roles": roles});
} else {
  admin.grantRolesToUser("platform_exporter", roles);
}

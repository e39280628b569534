// mongosh "mongodb://admin@HOST/admin" kinds/mongodb/role.js
//
// Minimum privileges of the exporter: server statistics, collection sizes and the profiler; no other documents.
// Safe to run again.

// For declared queries, add {"role": "read", "db": "shop"} for each database they read. platforms/hayon/role.js shows
// how views restrict that to single fields.
const roles = [{"role": "clusterMonitor", "db": "admin"}];

const admin = db.getSiblingDB("admin");
if (admin.getUser("platform_exporter") === null) {
  admin.createUser({"user": "platform_exporter", "pwd": passwordPrompt(), "roles": roles});
} else {
  admin.grantRolesToUser("platform_exporter", roles);
}

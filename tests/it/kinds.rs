//! The tests of each kind. They lie in its folder.

#[path = "../../kinds/http/tests/mod.rs"]
pub(crate) mod http;
#[path = "../../kinds/logfile/tests/mod.rs"]
pub(crate) mod logfile;
#[path = "../../kinds/mongodb/tests/mod.rs"]
pub(crate) mod mongodb;
#[path = "../../kinds/postgres/tests/mod.rs"]
pub(crate) mod postgres;
#[path = "../../kinds/rabbitmq/tests/mod.rs"]
pub(crate) mod rabbitmq;
#[path = "../../kinds/redis/tests/mod.rs"]
pub(crate) mod redis;
#[path = "../../kinds/s3/tests/mod.rs"]
pub(crate) mod s3;
#[path = "../../kinds/stripe/tests/mod.rs"]
pub(crate) mod stripe;
#[path = "../../kinds/workers/tests/mod.rs"]
pub(crate) mod workers;

//! One module for each kind of source, as in `kinds/`.

mod answers;
mod http;
mod logfile;
mod mongodb;
mod postgres;
mod rabbitmq;
mod redis;
mod s3;
mod stripe;
mod tls;
mod workers;

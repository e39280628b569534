//! Declared queries: what runs, how rows become samples, and who runs them. No driver here.

mod answer_budget;
mod columns;
mod distinct;
pub mod grammar;
mod lane;
mod mongo;
mod reading;
mod redis_command;
mod rows;
mod series_budget;
mod spec;
mod sql_text;

pub use answer_budget::{AnswerBudget, LARGEST_ANSWER, MOST_COLUMNS, too_large};
pub use columns::Columns;
pub use distinct::DistinctCount;
pub use lane::{Answer, Answers, Inbox, Lane, lane};
pub use reading::{Reading, ReadingError, ResultSet};
pub use redis_command::{RedisShape, redis_shape};
pub use rows::{Cell, LONGEST_NAME, Rows};
pub use series_budget::{OTHER, SeriesBudget, Values};
pub use spec::{
    Ask, Declared, DistinctPart, LogQuestion, MetricSpec, MongoQuestion, QuerySpec, Question, RedisQuestion,
    ValueType, catalogue,
};

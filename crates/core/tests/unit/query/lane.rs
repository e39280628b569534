//! The order of queries in a lane, and what it survives.

use std::time::Duration;

use platform_core::probe::{Problem, Reason};
use platform_core::query::{Answers, Columns, Question, Rows, lane};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Answers as it is set to, so that the lane's own behaviour can be seen.
struct Scripted(Vec<Script>);

enum Script {
    Rows,
    Hang(oneshot::Sender<()>),
    Panic,
}

#[async_trait::async_trait]
impl Answers for Scripted {
    async fn rows(&mut self, _: &Question, _: &Columns, _: Duration) -> Result<Rows, Problem> {
        match self.0.remove(0) {
            Script::Rows => Ok(Rows::default()),
            Script::Hang(dropped) => {
                let _tells_when_dropped = dropped;
                std::future::pending().await
            }
            Script::Panic => panic!("on purpose"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_outlives_what_hangs_and_what_panics() {
    let (hang, dropped) = oneshot::channel();
    let (lane, mut inbox) = lane();
    tokio::spawn(async move {
        inbox.serve(&mut Scripted(vec![Script::Hang(hang), Script::Panic, Script::Rows])).await
    });
    let question = Question::new("sql", "SELECT 1");
    let ask = async || {
        lane.ask(&question, &Columns::All, Duration::from_secs(1)).await.map_err(|problem| problem.reason)
    };
    assert_eq!(ask().await, Err(Reason::Timeout));
    assert!(dropped.await.is_err(), "the hung question is dropped at its deadline");
    assert_eq!(ask().await, Err(Reason::Internal));
    assert_eq!(ask().await, Ok(Rows::default()));
}

/// A question that waits behind a slow one has its whole time when its turn comes.
#[tokio::test(start_paused = true)]
async fn waiting_in_the_lane_is_not_counted() {
    let (hang, _dropped) = oneshot::channel();
    let (lane, mut inbox) = lane();
    tokio::spawn(async move { inbox.serve(&mut Scripted(vec![Script::Hang(hang), Script::Rows])).await });
    let question = Question::new("sql", "SELECT 1");
    let ((slow, _), quick) = tokio::join!(
        lane.timed(&question, &Columns::All, Duration::from_secs(30), Instant::now()),
        lane.ask(&question, &Columns::All, Duration::from_secs(1)),
    );
    assert_eq!(slow.map_err(|problem| problem.reason), Err(Reason::Timeout));
    assert_eq!(quick, Ok(Rows::default()));
}

/// Notes the order in which queries run.
struct Noting(Vec<String>);

#[async_trait::async_trait]
impl Answers for Noting {
    async fn rows(&mut self, question: &Question, _: &Columns, _: Duration) -> Result<Rows, Problem> {
        self.0.push(question.value().as_str().expect("a text").to_owned());
        Ok(Rows::default())
    }
}

#[tokio::test(start_paused = true)]
async fn of_those_that_wait_the_one_that_is_due_first_is_next() {
    let (lane, mut inbox) = lane();
    let (now, second) = (Instant::now(), Duration::from_secs(1));
    let ask = async |name: &str, due: u32| {
        lane.timed(&Question::new("sql", name), &Columns::All, second, now + second * due).await.0
    };
    let mut noting = Noting(Vec::new());
    let asked =
        async { tokio::join!(ask("hourly", 3600), ask("slow", 300), ask("often", 15), ask("daily", 86_400)) };
    tokio::select! {
        biased;
        _ = asked => {}
        () = inbox.serve(&mut noting) => {}
    }
    assert_eq!(noting.0, ["often", "slow", "hourly", "daily"]);
}

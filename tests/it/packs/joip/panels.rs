//! Every panel of JOIP's dashboard has data; its tables of single users are in `tables.rs`.

use super::world::World;
use super::{Deployment, SOON, Spelling};
use crate::bundle::of_pack;
use crate::bundle::panels::{Empty, all_have_data, prometheus};
use crate::support::exporter::Exporter;

/// Questions of the dashboard that have no answer: panel, query, and why.
const EMPTY: [Empty; 2] = [
    ("What is wrong", "A", "nothing is wrong"),
    ("Features", "B", "Prometheus does not know what was 7 days ago"),
];

#[tokio::test]
async fn every_panel_of_the_dashboard_has_data() {
    let deployment = Deployment::of(&World::new(), Spelling::Folded).await;
    let config = deployment.config("");
    let exporter = Exporter::start(&config).await;
    let prometheus = prometheus(&exporter).await;
    let (dashboard, _) = of_pack(&config, "joip");
    for window in ["24h", "7d", "30d"] {
        let questions = dashboard.questions(window);
        assert!(questions.len() > 60, "{}", questions.len());
        all_have_data(&prometheus, &questions, &EMPTY, SOON).await;
    }
}

//! Loops in a graph. Pure.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;

/// The number of each node's loop; nodes that can all reach each other share one.
///
/// By Kosaraju's algorithm, since petgraph's Tarjan is recursive, and the graph is external input.
pub(super) fn of(nodes: usize, edges: &[(usize, usize)]) -> Vec<Option<usize>> {
    let mut graph = DiGraph::<(), (), usize>::from_edges(edges);
    while graph.node_count() < nodes {
        graph.add_node(());
    }
    let mut loops = vec![None; nodes];
    for (number, members) in kosaraju_scc(&graph).into_iter().enumerate().filter(|(_, all)| all.len() > 1) {
        members.into_iter().for_each(|member| loops[member.index()] = Some(number));
    }
    loops
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn nodes_that_reach_each_other_are_one_loop() {
        // 0 → 1 → 2 → 0, 2 → 3 → 4 ⇄ 5, and 6 alone.
        let loops = of(7, &[(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 4)]);
        assert!(loops[0].is_some() && loops[0] == loops[1] && loops[1] == loops[2]);
        assert!(loops[4].is_some() && loops[4] == loops[5] && loops[4] != loops[0]);
        assert_eq!([loops[3], loops[6]], [None, None]);
    }

    #[test]
    fn a_chain_of_many_nodes_does_not_exhaust_the_stack() {
        let nodes = 200_000;
        let mut edges: Vec<_> = (1..nodes).map(|node| (node - 1, node)).collect();
        assert!(of(nodes, &edges).iter().all(Option::is_none));
        edges.push((nodes - 1, 0));
        assert!(of(nodes, &edges).iter().all(Option::is_some));
    }
}

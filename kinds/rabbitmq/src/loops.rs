//! Loops in a graph. Pure.

/// The number of each node's loop; nodes that can all reach each other share one.
///
/// Kosaraju's algorithm, in linear time and without recursion, since the graph is external input.
pub(super) fn of(nodes: usize, edges: &[(usize, usize)]) -> Vec<Option<usize>> {
    let (mut forward, mut backward) = (vec![Vec::new(); nodes], vec![Vec::new(); nodes]);
    for &(from, to) in edges {
        forward[from].push(to);
        backward[to].push(from);
    }
    let mut seen = vec![false; nodes];
    let mut finished = Vec::with_capacity(nodes);
    for node in 0..nodes {
        walk(node, &forward, &mut seen, &mut finished);
    }
    let mut seen = vec![false; nodes];
    let mut loops = vec![None; nodes];
    for (number, &node) in finished.iter().rev().enumerate() {
        let mut members = Vec::new();
        walk(node, &backward, &mut seen, &mut members);
        if members.len() > 1 {
            members.into_iter().for_each(|member| loops[member] = Some(number));
        }
    }
    loops
}

/// Appends the unseen nodes reachable from a node, each after those that it leads to.
fn walk(start: usize, edges: &[Vec<usize>], seen: &mut [bool], finished: &mut Vec<usize>) {
    if std::mem::replace(&mut seen[start], true) {
        return;
    }
    let mut path = vec![(start, 0)];
    while let Some((node, next)) = path.last_mut() {
        match edges[*node].get(*next) {
            Some(&to) => {
                *next += 1;
                if !std::mem::replace(&mut seen[to], true) {
                    path.push((to, 0));
                }
            }
            None => {
                finished.push(*node);
                path.pop();
            }
        }
    }
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

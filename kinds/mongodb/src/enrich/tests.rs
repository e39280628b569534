use ::mongodb::bson::DateTime;

use super::*;

#[test]
fn a_build_has_an_edition_and_a_vendor() {
    for (mut answer, edition, vendor) in [
        (doc! {"modules": []}, "Community", "MongoDB"),
        (doc! {"modules": ["enterprise"]}, "Enterprise", "MongoDB"),
        (doc! {"psmdbVersion": "6.0.5-4"}, "Community", "Percona"),
    ] {
        build_info(&mut answer);
        assert_eq!(
            [answer.get_str("edition").unwrap(), answer.get_str("vendor").unwrap()],
            [edition, vendor]
        );
    }
}

#[test]
fn a_router_has_no_storage_engine() {
    for (mut answer, number) in
        [(doc! {"storageEngine": {"name": "wiredTiger"}}, 1), (doc! {"process": "mongos"}, 0)]
    {
        engines(&mut answer);
        assert_eq!(answer.get_array("engines").unwrap().len(), number);
    }
}

#[test]
fn a_member_is_behind_by_whole_seconds_of_the_primary() {
    let at = |seconds: i64| DateTime::from_millis(seconds * 1000 + 999);
    let mut answer = doc! {"set": "rs0", "members": [
        {"stateStr": "SECONDARY", "optimeDate": at(90)},
        {"stateStr": "PRIMARY", "optimeDate": at(100), "self": true},
        {"stateStr": "(not reachable/healthy)", "optimeDate": DateTime::from_millis(0)},
    ]};
    members(&mut answer);
    let members: Vec<_> = answer.get_array("members").unwrap().iter().filter_map(Bson::as_document).collect();
    let lags: Vec<_> = members.iter().map(|member| member.get_i64("replicationLag").ok()).collect();
    assert_eq!(lags, [Some(10), None, None]);
    let selves: Vec<_> = members.iter().map(|member| member.get_str("isSelf").unwrap()).collect();
    assert_eq!(selves, ["0", "1", "0"]);
    assert!(members.iter().all(|member| member.get_str("set").unwrap() == "rs0"));
    assert_eq!(answer.get_i64("numberOfMembers").unwrap(), 3);
}

#[test]
fn a_namespace_is_a_database_and_the_rest() {
    let mut answer =
        doc! {"totals": {"note": "all times in microseconds", "shop.a.b": {"total": {"time": 1}}}};
    namespaces(&mut answer);
    let named = doc! {"total": {"time": 1}, "database": "shop", "collection": "a.b"};
    assert_eq!(answer, doc! {"totals": {"shop.a.b": named}});
}

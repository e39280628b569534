//! The expressions and SELECTs of the page about HiveSync: what a dashboard shows.

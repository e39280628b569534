//! The JSON schemas: what an editor that reads them thinks of configurations and packs.

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use platform_core::yaml::{self, Faults};
use platform_exporter::bundle::pack_schema;
use platform_exporter::config;
use serde_json::Value;
use testkit::root;

/// A schema that is one.
fn validator(schema: &str) -> Validator {
    let schema: Value = serde_json::from_str(schema).unwrap();
    jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{error}"));
    jsonschema::validator_for(&schema).unwrap()
}

/// What is wrong with a file.
fn errors(validator: &Validator, file: &Path) -> Vec<String> {
    let mut faults = Faults::of(file.display().to_string());
    let tree = yaml::parse_literally(&fs::read_to_string(file).unwrap(), &mut faults).expect("it is YAML");
    let document: Value = yaml::decode(&tree, &yaml::Path::default(), &mut faults).unwrap();
    let error = |error: jsonschema::ValidationError| format!("{}: {error}", error.instance_path());
    validator.iter_errors(&document).map(error).collect()
}

/// Files of this name in the folders below a folder.
fn in_folders(folder: &str, name: &str) -> Vec<PathBuf> {
    let folders = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path().join(name));
    folders.filter(|file| file.exists()).collect()
}

#[test]
fn the_examples_are_valid() {
    let (config, pack) = (validator(&config::schema()), validator(&pack_schema()));
    let configs = [in_folders("kinds", "example.yml"), in_folders("platforms", "example.yml")].concat();
    assert!(configs.len() >= 12, "{configs:?}");
    let packs = in_folders("platforms", "pack.yml");
    assert_eq!(packs.len(), 3);
    for (validator, files) in [(config, configs), (pack, packs)] {
        for file in files {
            let errors = errors(&validator, &file);
            assert!(errors.is_empty(), "{}:\n{}", file.display(), errors.join("\n"));
        }
    }
}

#[test]
fn errors_of_form_are_found_while_one_types() {
    let (config, pack) = (validator(&config::schema()), validator(&pack_schema()));
    let broken = root().join("tests/it/broken");
    for (validator, file, expected) in [
        (&config, "form/unknown_section.yml", ""),
        (&config, "sources/kind_missing.yml", ""),
        (&config, "sources/kinds_two.yml", ""),
        (&config, "sources/kind_misspelt.yml", ""),
        (&config, "queries/keys.yml", ""),
        (&config, "queries/not_a_list.yml", ""),
        (&pack, "bundle/dashboard.pack.yml", "trendd"),
        (&pack, "bundle/color_misspelt.pack.yml", "critcal"),
        (&pack, "bundle/rule_without_expression.pack.yml", "expr"),
        (&pack, "bundle/title_missing.pack.yml", "title"),
    ] {
        let errors = errors(validator, &broken.join(file));
        assert!(errors.iter().any(|error| error.contains(expected)), "{file}: {errors:?}");
    }
}

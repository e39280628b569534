"""Prints the documents in a stream of YAML as JSON. With versions of Kubernetes, they are objects, and those that are its own
have to be valid in each version; unknown properties are errors."""

import json
import sys

import kubernetes_validate
import yaml

documents = [one for one in yaml.load_all(sys.stdin, yaml.CSafeLoader) if one]
errors = []
for version in sys.argv[1:]:
    for one in documents:
        group = one["apiVersion"].rpartition("/")[0]
        # Of an operator.
        if "." in group and not group.endswith(".k8s.io"):
            continue
        try:
            kubernetes_validate.validate(one, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            place = ".".join(map(str, [one["kind"], one["metadata"].get("name"), *error.path]))
            errors.append(f"{version}: {place}: {error.message}")
if errors:
    sys.exit("\n".join(errors))
json.dump(documents, sys.stdout)

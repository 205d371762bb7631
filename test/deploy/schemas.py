"""Writes JSON schemas for kubeconform: schemas.py FOLDER CRDS VERSION...

Those of Kubernetes come from the package kubernetes-validate, whose references name a web address; here they name the file beside
them. Those of custom resources come from CRDS, files of CustomResourceDefinitions separated by commas, made strict as the others are.
"""

import json
import pathlib
import sys

import kubernetes_validate
import yaml


def core(folder, version):
    source = pathlib.Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    if not source.is_dir():
        sys.exit(f"kubernetes-validate has no schemas for Kubernetes {version}: a newer release of the package may")
    target = folder / version
    target.mkdir(parents=True, exist_ok=True)
    for file in source.glob("*.json"):
        text = file.read_text().replace('"/api/_definitions.json#', '"_definitions.json#')
        schema = json.loads(text)
        schema.pop("$id", None)
        (target / file.name).write_text(json.dumps(schema))


def strict(schema):
    if isinstance(schema, dict):
        if "properties" in schema and "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema["additionalProperties"] = False
        for value in schema.values():
            strict(value)
    elif isinstance(schema, list):
        for value in schema:
            strict(value)


def custom(folder, file):
    target = folder / "custom"
    target.mkdir(parents=True, exist_ok=True)
    for crd in yaml.safe_load_all(file.read_text()):
        if not crd or crd.get("kind") != "CustomResourceDefinition":
            continue
        for version in crd["spec"]["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            if "properties" not in schema:
                continue
            schema["properties"]["metadata"] = {"type": "object"}
            strict(schema["properties"].get("spec"))
            name = f"{crd['spec']['names']['kind']}-{crd['spec']['group']}-{version['name']}".lower()
            (target / f"{name}.json").write_text(json.dumps(schema))


def main():
    folder = pathlib.Path(sys.argv[1])
    for file in sys.argv[2].split(","):
        custom(folder, pathlib.Path(file))
    for version in sys.argv[3:]:
        core(folder, version)


main()

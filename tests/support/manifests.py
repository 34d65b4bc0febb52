"""What a kustomization is made of, for there is no cluster to ask."""

from pathlib import Path

import yaml


def manifests(directory: Path) -> dict[tuple[str, str], dict]:
    """Return the documents of a kustomization and of the directories that it names, by kind and name."""
    found = {}
    for name in yaml.safe_load((directory / "kustomization.yaml").read_text())["resources"]:
        path = directory / name
        if path.is_dir():
            found |= manifests(path)
        else:
            documents = yaml.safe_load_all(path.read_text())
            found |= {(document["kind"], document["metadata"]["name"]): document for document in documents}
    return found

"""Are facial actions measured better by their geometry or by a regression that learnt them from synthetic infants?

`python tests/bench/action_measures.py` fits one ridge regression an NFCS item, on the mesh's points near it, and prints
the rank correlation of both with the true intensity in other synthetic infants, and with the part of it that the other
items do not explain, which a measure of distress as a whole lacks. With `--pictures DIR --faces FILE`, as of
`nicu-trainer check-real`, also the AUC of crying against calm and against smiles on real faces.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from export.actions.fitting import training_faces
from monitor.errors import EngineError
from monitor.faces.actions import measure_actions
from monitor.faces.mesh import FaceMesh
from monitor.inference.bundle import read_bundle
from monitor.inference.engine_factory import open_engine
from trainer.crops.faces import read_faces
from trainer.data.pictures import file_sha256, read_picture
from trainer.labelled.folder import read_folder
from trainer.labelled.separation import auc

TRAINING, HELD_OUT = (12, 5, 40_000), (6, 6, 90_000)
"""Blocks of 80 pictures, seed, first infant."""
COMPONENTS, PENALTY = 15, 10.0
# Heights over and below the line of the eyes and distance from the face's middle, in distances between the eyes.
ITEMS = {
    "brow_bulge": (("brow_lowering",), (-9.0, 0.18, 9.0)),
    "eye_squeeze": (("left_eye_closure", "right_eye_closure"), (-0.35, 0.42, 9.0)),
    "nasolabial_furrow": (("nasolabial_depth",), (0.25, 1.0, 0.75)),
    "open_lips": (("mouth_opening",), (0.7, 9.0, 9.0)),
    "vertical_stretch": (("vertical_stretch",), (0.25, 9.0, 9.0)),
    "horizontal_stretch": (("horizontal_stretch",), (0.7, 9.0, 9.0)),
    "lip_purse": (("lip_purse",), (0.7, 9.0, 9.0)),
}
EYES = ((33, 133), (362, 263))
CALM = ("calm", "neutral", "asleep")


def upright(points):
    """Return a mesh's points with the eyes' middles at (-0.5, 0) and (0.5, 0)."""
    left, right = (points[list(eye), :2].mean(axis=0) for eye in EYES)
    along = (right - left) / np.sum((right - left) ** 2)
    return (points[:, :2] - (left + right) / 2) @ np.array([[along[0], -along[1]], [along[1], along[0]]])


def measured(mesh, faces):
    """Return points (N, 468, 2) and actions of faces that the mesh sees, and which those are."""
    points, actions, seen = [], [], []
    for number, (image, box) in enumerate(faces):
        face = mesh.find(image, box)
        try:
            actions.append({name: action.raw for name, action in measure_actions(face).items()})
        except EngineError:
            continue
        points.append(upright(face.points))
        seen.append(number)
    return np.array(points), actions, seen


def synthetic(mesh, blocks, seed, first_infant):
    faces = list(training_faces(blocks, seed, first_infant))
    points, actions, seen = measured(mesh, [(face.image, face.box) for face in faces])
    return points, actions, np.array([[faces[number].intensities[item] for item in ITEMS] for number in seen])


def real(mesh, folder, known):
    faces = read_faces(known)
    rows = [(picture, faces[file_sha256(picture.path)]) for picture in read_folder(folder)]
    rows = [(picture, face) for picture, face in rows if face.box is not None]
    points, actions, seen = measured(mesh, [(read_picture(picture.path), face.box) for picture, face in rows])
    return points, actions, np.array([rows[number][0].label for number in seen])


def near(points, box):
    low, high, aside = box
    middle = points.mean(axis=0)
    return (middle[:, 1] > low) & (middle[:, 1] < high) & (abs(middle[:, 0]) < aside)


def own_part(truth, column):
    """Return what a linear model of the other items leaves of an item."""
    others = np.c_[np.ones(len(truth)), np.delete(truth, column, axis=1)]
    return truth[:, column] - others @ np.linalg.lstsq(others, truth[:, column], rcond=None)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--faces", type=Path)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    bundle = read_bundle("face-mesh", kind="mesh")
    mesh = FaceMesh(bundle, open_engine(bundle))
    training, held_out = synthetic(mesh, *TRAINING), synthetic(mesh, *HELD_OUT)
    pictures = real(mesh, arguments.pictures, arguments.faces) if arguments.pictures else None
    print(f"{len(training[0])} faces to learn from, {len(held_out[0])} others")
    print("| item | measure | correlation | with its own part | crying against calm | against smiles |")
    print("|---|---|---|---|---|---|")
    for column, (item, (names, box)) in enumerate(ITEMS.items()):
        chosen = near(training[0], box)
        model = make_pipeline(PCA(COMPONENTS, whiten=True, random_state=0), Ridge(PENALTY))
        model.fit(training[0][:, chosen].reshape(len(training[0]), -1), training[2][:, column])
        truth, own = held_out[2][:, column], own_part(held_out[2], column)
        for measure in ("geometry", "learnt"):

            def values(data, measure=measure, model=model, chosen=chosen, names=names):
                if measure == "learnt":
                    return model.predict(data[0][:, chosen].reshape(len(data[0]), -1))
                return np.array([np.mean([actions[name] for name in names]) for actions in data[1]])

            cells = [f"{spearmanr(values(held_out), against).statistic:.2f}" for against in (truth, own)]
            if pictures is not None:
                scores, labels = values(pictures), pictures[2]
                cry = scores[labels == "cry"]
                cells += [f"{auc(cry, scores[np.isin(labels, other)]):.2f}" for other in (CALM, ("smile",))]
            print(f"| {item} | {measure} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()

"""Data sets: names, labels, checks, manifests."""

from trainer.data.clips import clip_candidates
from trainer.data.duplicates import NEAR_BITS, near_duplicates, perceptual_hash
from trainer.data.ingest import Candidate, ingest, picture_files
from trainer.data.manifest import PAIN_WORD, ImageRecord, Manifest, is_manifest, read_manifest, write_manifest
from trainer.data.naming import (
    Label,
    ParsedName,
    Role,
    parse_cope,
    parse_fei,
    parse_icopevid,
    parse_label,
    parse_unifesp,
)
from trainer.data.pictures import file_sha256, read_picture
from trainer.data.rejection import Reason, RejectedImageError
from trainer.data.report import IngestReport, Refusal
from trainer.data.soft_labels import SoftLabels
from trainer.data.sources import cope_candidates, find_labels, find_scores, unifesp_candidates
from trainer.data.table import PictureTable, read_table

__all__ = [
    "NEAR_BITS",
    "PAIN_WORD",
    "Candidate",
    "ImageRecord",
    "IngestReport",
    "Label",
    "Manifest",
    "ParsedName",
    "PictureTable",
    "Reason",
    "Refusal",
    "RejectedImageError",
    "Role",
    "SoftLabels",
    "clip_candidates",
    "cope_candidates",
    "file_sha256",
    "find_labels",
    "find_scores",
    "ingest",
    "is_manifest",
    "near_duplicates",
    "parse_cope",
    "parse_fei",
    "parse_icopevid",
    "parse_label",
    "parse_unifesp",
    "perceptual_hash",
    "picture_files",
    "read_manifest",
    "read_picture",
    "read_table",
    "unifesp_candidates",
    "write_manifest",
]

"""Data sets of synthetic infants with ground truth: they test software and say nothing about clinical accuracy.

The drawing itself is `monitor.synthetic`; this package makes stills, videos and stand-ins for the restricted data sets
from it, with labels, masks and a shortcut cue whose link to the label can be tuned.
"""

from trainer.synthetic.cope import CopePlan, plan_cope
from trainer.synthetic.expressions import ExpressionPicture, draw_expression, plan_expressions
from trainer.synthetic.findability import Findability, Miss, measure_findability
from trainer.synthetic.heads import head_cover
from trainer.synthetic.icopevid import Clip, plan_icopevid, write_clip
from trainer.synthetic.plan import PlannedStill, SessionView, StillsPlan, assign_cues, plan_stills
from trainer.synthetic.regions import REGIONS, region_mask
from trainer.synthetic.still import RenderedStill, Still, render_still
from trainer.synthetic.unifesp import UnifespStill, plan_unifesp
from trainer.synthetic.video import WrittenVideo, write_video
from trainer.synthetic.writing import prepare_folder, write_expressions, write_stills, write_table

__all__ = [
    "REGIONS",
    "Clip",
    "CopePlan",
    "ExpressionPicture",
    "Findability",
    "Miss",
    "PlannedStill",
    "RenderedStill",
    "SessionView",
    "Still",
    "StillsPlan",
    "UnifespStill",
    "WrittenVideo",
    "assign_cues",
    "draw_expression",
    "head_cover",
    "measure_findability",
    "plan_cope",
    "plan_expressions",
    "plan_icopevid",
    "plan_stills",
    "plan_unifesp",
    "prepare_folder",
    "region_mask",
    "render_still",
    "write_clip",
    "write_expressions",
    "write_stills",
    "write_table",
    "write_video",
]

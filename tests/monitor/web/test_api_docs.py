"""Every command of docs/api.md is run, in its order, against a staged station."""

import os
import re
import subprocess
import sys
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "api.md"
_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)

WAIT_FOR_AN_ALERT = """\
until curl -sH "Authorization: Bearer $TOKEN" "$STATION/api/v1/alerts" | grep -q alert_id; do sleep 0.2; done"""


def test_every_command_of_the_document_works(stage, tmp_path, users_file):
    users = users_file(tmp_path)
    station = stage(web={"users_file": str(users)})
    station.set_bed("bed-1", score=0.9)
    blocks = _BLOCK.findall(DOCUMENT.read_text())
    assert {language for language, _ in blocks} == {"sh", "python"}
    lines = ["set -euo pipefail"]
    for number, (language, text) in enumerate(blocks):
        if language == "python":
            (tmp_path / f"{number}.py").write_text(text)
            lines.append(f"TOKEN=$TOKEN {sys.executable} {tmp_path / f'{number}.py'}")
        elif "ALERT=" in text:
            # A person comes to this point only when there is an alert.
            lines += [WAIT_FOR_AN_ALERT, text]
        else:
            lines.append(text)
        lines.append("echo; echo ---")
    environment = {
        **os.environ,
        "STATION": station.url,
        "USERS": str(users),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)], capture_output=True, text=True, env=environment, timeout=90, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    answers = done.stdout.split("---\n")
    assert '"role":"nurse"' in answers[1]
    assert '"minutes_not_seen":' in answers[4]
    assert answers[5].splitlines()[0].startswith("bed,at,state,level,coverage,eyes_squeezed")
    assert '"by":"integrator"' in answers[7]
    for number in (8, 9, 10):
        assert '"changed":' in answers[number]
    assert "event: beds" in answers[11]
    assert '"resourceType":"DetectedIssue"' in answers[-2]

"""Requests that say who lies in a bed and what is done there; for programs and for scripts."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from monitor.control.access import Role
from monitor.control.requests import Admit, Discharge, InfantName, Procedure, Reason, Standby, Undo
from monitor.pain.occupancy import BedStatement
from monitor.pain.procedure import LONGEST_PROCEDURE_SECONDS, ProcedureKind
from monitor.web.pausing import BED_ANSWERS, PauseAnswer, allowed, carry_out
from monitor.web.refusals import needs

__all__ = [
    "AdmitRequest",
    "DischargeRequest",
    "ProcedureRequest",
    "StandbyRequest",
    "UndoRequest",
    "add_occupancy_routes",
]

_By = Annotated[str, Field(min_length=1, max_length=63)]


class AdmitRequest(BaseModel):
    """The infant's pseudonym, where there is one, and who admits, where nobody is logged in."""

    infant: InfantName | None = None
    by: _By | None = None


class DischargeRequest(BaseModel):
    """Who discharges; needed only where nobody is logged in, and ignored otherwise."""

    by: _By | None = None


class StandbyRequest(BaseModel):
    """For how long at most (may be left out with `until_face`), until when, why, and who."""

    seconds: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | None = None
    until_face: bool = False
    reason: Reason = ""
    by: _By | None = None


class ProcedureRequest(BaseModel):
    """What is done, how long pain is put down to it (when absent: ten minutes), a few words more, and who."""

    kind: ProcedureKind
    seconds: Annotated[float, Field(gt=0.0, le=LONGEST_PROCEDURE_SECONDS, allow_inf_nan=False)] | None = None
    note: Reason = ""
    by: _By | None = None


class UndoRequest(BaseModel):
    """What is taken back (`resume` is the end of a stand-by), and who said it, where nobody is logged in."""

    statement: BedStatement
    by: _By | None = None


def add_occupancy_routes(router: APIRouter) -> None:
    """Add `POST /beds/{bed}/admit`, `/discharge`, `/standby`, `/procedure` and `/undo`."""

    @router.post("/beds/{bed}/admit", tags=["beds"], responses=BED_ANSWERS, openapi_extra=needs(Role.NURSE))
    def admit(request: Request, bed: str, content: AdmitRequest | None = None) -> PauseAnswer:
        """Say that an infant was laid into a bed. Needs the role `nurse`.

        Nothing of the infant before passes to it: its alarms are ended in the name of who admits.
        """
        asked = content or AdmitRequest()
        site, by = allowed(request, bed, asked.by)
        return carry_out(site, bed, by, Admit(bed, by, asked.infant))

    @router.post("/beds/{bed}/discharge", tags=["beds"], responses=BED_ANSWERS, openapi_extra=needs(Role.NURSE))
    def discharge(request: Request, bed: str, content: DischargeRequest | None = None) -> PauseAnswer:
        """Say that a bed is empty: its alarms end, and it is not watched until an infant is admitted. Needs `nurse`."""
        site, by = allowed(request, bed, None if content is None else content.by)
        return carry_out(site, bed, by, Discharge(bed, by))

    @router.post("/beds/{bed}/standby", tags=["beds"], responses=BED_ANSWERS, openapi_extra=needs(Role.NURSE))
    def standby(request: Request, bed: str, content: StandbyRequest | None = None) -> PauseAnswer:
        """Say that an infant is away for a while: no pain alarms until then. Needs the role `nurse`.

        `/resume` ends it early. A longer time than the configuration allows is refused.
        """
        asked = content or StandbyRequest()
        site, by = allowed(request, bed, asked.by)
        order = Standby(bed, by, asked.seconds, asked.until_face, asked.reason)
        return carry_out(site, bed, by, order)

    @router.post("/beds/{bed}/procedure", tags=["beds"], responses=BED_ANSWERS, openapi_extra=needs(Role.NURSE))
    def procedure(request: Request, bed: str, content: ProcedureRequest) -> PauseAnswer:
        """Say that something painful is done to the infant now. Needs the role `nurse`.

        Pain is expected then, and is alarmed as ever: this silences, delays and hides nothing. It is recorded, and
        shown beside the bed, in its trend and in the handover.
        """
        site, by = allowed(request, bed, content.by)
        order = Procedure(bed, by, content.kind, content.seconds, content.note)
        return carry_out(site, bed, by, order)

    @router.post("/beds/{bed}/undo", tags=["beds"], responses=BED_ANSWERS, openapi_extra=needs(Role.NURSE))
    def undo(request: Request, bed: str, content: UndoRequest) -> PauseAnswer:
        """Take back what the same person said of a bed at most 15 s ago. Needs the role `nurse`.

        The bed is again what it was, and the alerts that were ended by it are signalled again. Refused where anything
        else was said of the bed since.
        """
        site, by = allowed(request, bed, content.by)
        return carry_out(site, bed, by, Undo(bed, by, content.statement))

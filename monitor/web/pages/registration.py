"""Putting the pages into an application."""

from fastapi import FastAPI
from nicegui import core, ui

import monitor.web.pages.bed_page
import monitor.web.pages.handover_page
import monitor.web.pages.station_page
import monitor.web.pages.users_page
import monitor.web.pages.wall_page
import monitor.web.pages.ward_page

__all__ = ["mount_pages"]

# Importing the page modules registers their pages with the UI library, once a process; each page finds the site that
# it belongs to through its request.
_PAGES = (
    monitor.web.pages.ward_page,
    monitor.web.pages.wall_page,
    monitor.web.pages.bed_page,
    monitor.web.pages.handover_page,
    monitor.web.pages.station_page,
    monitor.web.pages.users_page,
)


def mount_pages(app: FastAPI) -> None:
    """Serve the pages from `/`, beside what `app` serves already.

    The UI library has one application a process and was made for one run of it. What would keep a second run from
    starting (a station that is stopped and started again within one process, as in tests) is put back first.
    """
    core.app.middleware_stack = None
    core.app.user_middleware.clear()
    core.sio.eio.start_service_task = True
    # The page asks for pictures all the time; a bar that runs along its top for each of them says nothing.
    core.app.config.quasar_config["loadingBar"] = {"skipHijack": True}
    ui.run_with(
        app,
        title="NICU pain monitor",
        favicon="🛏️",
        language="en-US",
        dark=None,
        tailwind=False,
        show_welcome_message=False,
        binding_refresh_interval=None,
        reconnect_timeout=10.0,
    )

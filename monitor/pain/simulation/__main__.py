"""Print what the alarm defaults are worth in simulation: `python -m monitor.pain.simulation --hours 40`."""

import click

from monitor.config import AlarmSettings
from monitor.pain.simulation.alarm_run import run_alarms
from monitor.pain.simulation.infants import InfantSettings, simulate_infant

_RULES = {
    "tau 3 s, hold 3 s": AlarmSettings(level_tau_seconds=3.0),
    "tau 5 s, hold 3 s (default)": AlarmSettings(),
    "tau 5 s, hold 5 s": AlarmSettings(hold_seconds=5.0),
    "tau 5 s, hold 10 s": AlarmSettings(hold_seconds=10.0),
    "tau 8 s, hold 5 s": AlarmSettings(level_tau_seconds=8.0, hold_seconds=5.0),
}


@click.command()
@click.option("--hours", default=40.0, help="Hours of simulated watching for each row.")
@click.option("--infants", default=20, help="Over how many infants the hours are spread.")
@click.option("--seed", default=1, help="Of the first infant.")
def main(hours: float, infants: int, seed: int) -> None:
    """Compare alarm rules on simulated infants, without and with an offset that is the infant's own."""
    click.echo(
        "| rule | offset share | sensitivity | median latency (s) | false alarms per hour | "
        "time without pain in alarm |"
    )
    click.echo("|---|---|---|---|---|---|")
    for share in (0.0, 0.3):
        settings = InfantSettings(offset_share=share)
        for name, rule in _RULES.items():
            # The same infants for every rule; generated again for each, for they are large.
            simulated = (simulate_infant(settings, hours / infants, seed + number) for number in range(infants))
            run = run_alarms(simulated, rule)
            in_alarm = run.seconds_on_without_pain / run.seconds_without_pain
            click.echo(
                f"| {name} | {share:g} | {run.sensitivity:.3f} | {run.median_latency_seconds:.1f} "
                f"| {run.false_alarms_per_hour:.1f} | {100 * in_alarm:.0f} % |"
            )


if __name__ == "__main__":
    main()

"""`stepladder serve`: one process that answers, or several and one that looks after them."""

from pathlib import Path

from stepladder.interaction.compose import House
from stepladder.interaction.opening import shared_answers_file
from stepladder.interaction.serve import Say, announce, answer, listen, run, to_stdout, welcome
from stepladder.interaction.settings import Settings
from stepladder.interaction.supervise import Child, FlywheelProcess, InForce, SourcesProcess
from stepladder.interaction.workers import supervise
from stepladder.store import SharedAnswers


def serve(
    config: Path | None = None,
    *,
    host: str | None = None,
    port: int | None = None,
    workers: int | None = None,
    say: Say | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit code: 0, or 2 with one clear message when it cannot start.

    `host`, `port` and `workers` override the configuration's; port 0 takes a free one. `say` gets every line for the
    user.
    """
    settings = Settings(config)

    async def go() -> None:
        server = settings.load().server
        address = (host or server.host, server.port if port is None else port)
        count = server.workers if workers is None else workers
        tell = say or to_stdout
        await (_serve(settings, address, tell) if count <= 1 else _supervise(settings, address, count, tell))

    return run(go)


async def _serve(settings: Settings, address: tuple[str, int], say: Say) -> None:
    house = await House.open(settings)
    config = house.gateway.snapshot.config
    SharedAnswers.fresh(shared_answers_file(settings, config))  # of several workers before
    try:
        settings.hold(config)
        with listen(*address) as listening:
            await announce(config, settings, listening, say)
            admin = await house.first_admin_key()
            known = InForce(settings.path, settings.in_force(config))
            children: list[Child] = [
                SourcesProcess(known, lambda: bool(house.gateway.snapshot.config.knowledge.sources))
            ]
            if config.server.flywheel:
                children.append(FlywheelProcess(known))
            await answer(house, listening, lambda: welcome(admin, say), children=children)
    finally:
        await house.close()
    say("Stopped.")


async def _supervise(settings: Settings, address: tuple[str, int], count: int, say: Say) -> None:
    with listen(*address) as listening:
        await supervise(settings, listening, count, say)

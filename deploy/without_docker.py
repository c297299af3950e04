"""Builds the image of the Dockerfile where there is no engine, and tries it as a container would run it.

It reads the Dockerfile itself. It needs root, debootstrap, and a cgroup that it may make others in:

    python -m deploy.without_docker build /var/tmp/image
    python -m deploy.without_docker try /var/tmp/image --memory 512 --memory 448
"""  # noqa: INP001 programs, no package

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy.building import build
from deploy.dockerfile import config_of, stages_of
from deploy.read_ahead import read_ahead_file, reading_ahead
from deploy.trial import in_a_table, size_of, try_image

CONTEXT = Path(__file__).parents[1]
MIB = 1 << 20


def main() -> int:
    """Do what the command line says; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.without_docker", description=__doc__.splitlines()[0])
    what = parser.add_subparsers(dest="what", required=True)
    building = what.add_parser("build", help="take the steps of the Dockerfile")
    building.add_argument("root", type=Path, help="a folder that is not there yet")
    building.add_argument("--base", type=Path, help="a root of debootstrap to begin with; else one is made")
    building.add_argument("--bind", action="append", default=[], metavar="PATH", help="seen while it is built")
    building.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="set while it is built")
    trying = what.add_parser("try", help="run what was built, in memory cgroups")
    trying.add_argument("root", type=Path)
    trying.add_argument("--memory", action="append", type=int, metavar="MIB", help="limits to try; else 512")
    trying.add_argument("--warm", action="store_true", help="as beside another container of the same image")
    trying.add_argument("--read-ahead", type=int, metavar="KIB", help="what the disk reads ahead meanwhile")
    given = parser.parse_args()

    stages = stages_of((CONTEXT / "Dockerfile").read_text("utf-8"))
    root = given.root.absolute()
    if given.what == "build":
        variables = dict(pair.split("=", 1) for pair in given.env)
        build(stages, CONTEXT, root, base=given.base, bound=given.bind, variables=variables)
        print(f"{root}: {size_of(root) / MIB:.0f} MiB")  # noqa: T201 its output
        return 0
    config, limits = config_of(stages[-1]), given.memory or [512]
    with reading_ahead(read_ahead_file(root), given.read_ahead) as holds:
        checks = [check for limit in limits for check in try_image(root, config, limit * MIB, warm=given.warm)]
    print(in_a_table(checks))  # noqa: T201 its output
    print(f"{'warm' if given.warm else 'cold'}; read ahead by the disk: {holds}")  # noqa: T201 as above
    return 0 if all(check.is_ok for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())

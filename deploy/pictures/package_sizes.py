"""Print how large the packages are: `python -m deploy.pictures.package_sizes`.

One row a package: its files, and their median and longest length in lines, as `wc -l` counts them.
"""

from pathlib import Path
from statistics import median

__all__ = ["LONGEST_ALLOWED", "main", "package_sizes"]

REPOSITORY = Path(__file__).resolve().parents[2]
LONGEST_ALLOWED = 400
"""Lines in a file; what grows beyond has more than one task."""


def package_sizes() -> dict[str, dict[str, int]]:
    """Return package to file name to number of lines; the files beside the packages belong to their distribution."""
    sizes: dict[str, dict[str, int]] = {}
    for distribution in ("monitor", "trainer", "export"):
        for path in sorted((REPOSITORY / distribution).rglob("*.py")):
            package = str(path.parent.relative_to(REPOSITORY))
            sizes.setdefault(package, {})[path.name] = path.read_text(encoding="utf-8").count("\n")
    return sizes


def main() -> None:
    """Print the table."""
    print(f"{'package':<34} {'files':>5} {'lines':>6} {'median':>6} {'longest':>7}")
    for package, files in package_sizes().items():
        longest = max(files, key=lambda name: files[name])
        lengths = files.values()
        print(f"{package:<34} {len(files):>5} {sum(lengths):>6} {median(lengths):>6.0f} {files[longest]:>7} {longest}")


if __name__ == "__main__":
    main()

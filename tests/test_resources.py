"""The folders are found from a checkout and from a wheel, and nobody else's folder is taken."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from aegisd import resources
from aegisd.core.errors import ConfigInvalid

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as an installer leaves it: the wheel of this checkout, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_a_checkout_reads_its_own_folders() -> None:
    assert resources.policies() == ROOT / "policies"
    assert resources.manifests() == ROOT / "manifests"
    assert resources.sessions() == ROOT / "conformance/sessions"
    assert resources.packs() == ROOT / "conformance/packs"


def test_an_installed_wheel_reads_the_same_files_from_inside_the_package(site: Path) -> None:
    script = (
        "from aegisd import resources as r\n"
        "for folder in r.policies(), r.manifests(), r.sessions(), r.packs():\n"
        "    print(*sorted(f.relative_to(folder) for f in folder.rglob('*.*')))\n"
    )
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(site)!r})\n{script}"]
    ran = subprocess.run(command, cwd=site, check=True, capture_output=True, text=True)
    names = ("policies", "manifests", "conformance/sessions", "conformance/packs")
    folders = [ROOT / name for name in names]
    expected = [sorted(f.relative_to(folder) for f in folder.rglob("*.*")) for folder in folders]
    assert ran.stdout.splitlines() == [" ".join(map(str, names)) for names in expected]
    assert all(expected)


def test_an_installed_wheel_plays_its_packs_against_a_daemon_of_its_own(
    site: Path, tmp_path: Path
) -> None:
    start = f"import sys; sys.path.insert(0, {str(site)!r}); from aegisctl.main import main; main()"
    case = ["conformance", "run", "--daemon", "--case", "EG-001", "--json"]
    ran = subprocess.run(
        [sys.executable, "-c", start, *case],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert (told["verdict"], told["target"]["kind"]) == ("holds", "daemon")
    assert told["packs"][0]["file"].startswith(str(site / "aegisd" / "_packs"))


def test_a_wheel_installs_nothing_outside_its_three_packages(site: Path) -> None:
    assert {path.name.partition("-")[0] for path in site.iterdir()} == {
        "aegis",
        "aegisctl",
        "aegisd",
        "aegis_control_plane",
    }


def test_a_folder_beside_an_installed_package_is_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policies").mkdir()
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "aegisd")
    with pytest.raises(ConfigInvalid, match="found neither"):
        resources.policies()


def test_a_copy_inside_the_package_goes_before_a_folder_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "aegisd")
    assert resources.policies() == tmp_path / "policies"
    (tmp_path / "aegisd/_policies").mkdir(parents=True)
    assert resources.policies() == tmp_path / "aegisd/_policies"

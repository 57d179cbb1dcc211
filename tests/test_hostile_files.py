"""Files of a stranger's, put where recloop reads one of its own: nothing fires, and each is refused with a reason."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recloop.encoders.cache import Cached
from recloop.encoders.hashing import Hashing
from recloop.encoders.projection import Projection
from recloop.experiments.checkpoints import latest_state, load_weights
from recloop.experiments.compose import composed
from recloop.experiments.errors import UsageError
from recloop.experiments.foreign import load_sb3_weights
from recloop.experiments.journal import Journal
from recloop.experiments.run import recorded
from recloop.experiments.sessions import save_sessions
from recloop.experiments.stored import StoredRun, read_run
from recloop.experiments.untrusted import read
from recloop.experiments.wheels import unpack
from tests.experiments import tiny
from tests.experiments.conftest import play
from tests.hostile import PAYLOADS, SECRET, Payload, nothing_fires, zipped

Config = dict[str, Any]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a journal and sessions; nothing was trained."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    with recorded(composed([f"run_dir={folder}", "seed=3"]), folder, ["train"], [3], {"data": "abc"}):
        journal = Journal(folder / "metrics.jsonl")
        journal.write({"steps": 128, "final/clicks_per_session": 2.5})
        journal.close()
        save_sessions(folder / "episodes.parquet", [play(("PPO", "observed"), 0.5, 1)])
        (folder / "checkpoints").mkdir()
    return folder


@pytest.fixture
def run(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that may be spoiled, where the environment holds a secret."""
    monkeypatch.setenv("RECLOOP_CANARY", SECRET)
    return Path(shutil.copytree(stored, tmp_path / "run"))


def weights(run: StoredRun) -> object:
    return read(run.file("checkpoints/final.safetensors"), load_weights)


def projection(run: StoredRun) -> object:
    return read(run.file("checkpoints/projection.safetensors"), Projection.load)


def rows(run: StoredRun) -> object:
    if not (found := run.journal):  # a row without its end counts as a crash's
        raise UsageError(f"{run.folder}: no rows")
    return found


READERS: dict[str, Callable[[StoredRun], object]] = {
    "config.json": lambda run: None,  # it has been read by then
    "manifest.json": lambda run: None,
    "metrics.jsonl": rows,
    "episodes.parquet": StoredRun.played,
    "checkpoints/final.safetensors": weights,
    "checkpoints/projection.safetensors": projection,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_run_s_file_is_refused(name: str, payload: Payload, run: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (run / name).write_bytes(payload(canary))
    with nothing_fires(canary), pytest.raises(UsageError, match=re.escape(str(run))) as refused:
        READERS[name](read_run(run))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_training_state_is_passed_over(payload: Payload, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    canary, path = tmp_path / "canary", tmp_path / "state-000000000064.safetensors"
    path.write_bytes(payload(canary))
    with nothing_fires(canary):
        assert latest_state(tmp_path) is None
    assert f"{path}: damaged" in caplog.text


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_file_of_the_vector_cache_is_removed(
    payload: Payload, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    canary, encoder = tmp_path / "canary", Hashing(dim=8)
    path = tmp_path / encoder.fingerprint / "00.safetensors"
    path.parent.mkdir()
    path.write_bytes(payload(canary))
    with nothing_fires(canary):
        assert Cached(encoder, tmp_path).encode(["heat"]).tobytes() == encoder.encode(["heat"]).tobytes()
    assert f"{path} is damaged" in caplog.text
    assert not path.exists()


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_model_of_stable_baselines3_is_refused(payload: Payload, tmp_path: Path) -> None:
    canary, path = tmp_path / "canary", tmp_path / "model.zip"
    path.write_bytes(payload(canary))
    with nothing_fires(canary), pytest.raises(UsageError, match=r"^\S*model\.zip: .*; |holds more than") as refused:
        load_sb3_weights(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", tiny.HEADS)
@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_file_of_a_data_set_is_refused(payload: Payload, kind: str, tmp_path: Path) -> None:
    from recloop.envs.datasets.movielens import MovieLens

    canary, path = tmp_path / "canary", tiny.films(tmp_path) / f"ml-100k.{kind}"
    path.write_bytes(payload(canary))
    with nothing_fires(canary), pytest.raises(ValueError, match=rf"ml-100k\.{kind}") as refused:
        MovieLens(str(tmp_path)).read()
    assert "\n" not in str(refused.value)


def readers(folder: Path) -> dict[str, tuple[Path, Callable[[], object]]]:
    """For every other reader of data sets a file that it meets first, and how it reads."""
    from recloop.envs.datasets.book_crossing import BookCrossing
    from recloop.envs.datasets.films import FilmTable
    from recloop.envs.datasets.filmtrust import FilmTrust
    from recloop.envs.datasets.movielens_1m import MovieLens1M
    from recloop.envs.datasets.own import Own

    (folder / "interactions.csv").write_text("user,item,rating,time\n1,1,5,0\n1,1,1,1\n")
    for kind in ("user", "inter"):
        (folder / f"ml-1m.{kind}").write_text("")
    return {
        "books": (folder / "BX-Books.csv", BookCrossing(str(folder)).read),
        "films": (folder / "movies.db", lambda: FilmTable.read(folder)),
        "filmtrust": (folder / "ratings.tab", FilmTrust(str(folder)).read),
        "ml-1m": (folder / "ml-1m.item", MovieLens1M(str(folder), str(folder)).read),
        "own csv": (folder / "items.csv", Own(str(folder)).read),
        "own parquet": (folder / "items.parquet", Own(str(folder)).read),
    }


@pytest.mark.parametrize("reader", ["books", "films", "filmtrust", "ml-1m", "own csv", "own parquet"])
@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_file_of_any_data_set_is_refused(payload: Payload, reader: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    path, attempt = readers(tmp_path)[reader]
    if reader == "books":
        for name in ("Users", "Book-Ratings"):
            (tmp_path / f"BX-{name}.csv").touch()
    if reader == "filmtrust":
        (tmp_path / "trust.tab").touch()
    path.write_bytes(payload(canary))
    with nothing_fires(canary), pytest.raises(ValueError, match=re.escape(str(path))) as refused:
        attempt()
    assert "\n" not in str(refused.value)


def test_a_small_parquet_file_of_very_many_numbers_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recloop.envs.datasets import parquet

    path = tmp_path / "items.parquet"
    pq.write_table(pa.table({"id": np.zeros(500_000, np.int64)}), path)
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(parquet, "_MOST_BYTES", 1_000_000)
    with pytest.raises(ValueError, match=r"items\.parquet: no Parquet table \(more than 1,000,000 bytes"):
        parquet.read_parquet(path, path.read_bytes(), ("id",), "mend it")


def test_a_long_text_that_a_parquet_file_repeats_is_held_once(tmp_path: Path) -> None:
    from recloop.envs.datasets import parquet

    path, text = tmp_path / "items.parquet", "x" * 100_000
    dictionary = pa.DictionaryArray.from_arrays(pa.array([0] * 200_000), pa.array([text]))
    pq.write_table(pa.table({"id": dictionary}), path)  # 20 GB when it is written out
    found = parquet.read_parquet(path, path.read_bytes(), ("id",), "mend it")["id"]
    assert len(found) == 200_000
    assert len({id(one) for one in found}) < 10


TARGETS = (
    "os.system", "os.popen", "subprocess.Popen", "subprocess.run", "builtins.eval", "builtins.exec",
    "builtins.open", "logging.os.system", "importlib.import_module", "runpy.run_path", "pickle.loads",
    "shutil.rmtree", "ctypes.CDLL", "pathlib.Path.touch", "webbrowser.open", "numpy.load", "numpy.savetxt",
    "numpy.fromfile", "pandas.read_pickle", "torch.load", "torch.hub.load", "torch.save",
    "stable_baselines3.PPO.load", "stable_baselines3.PPO", "hydra.utils.instantiate", "hydra.utils.get_method",
    "hydra._internal.instantiate._instantiate2.instantiate", "transformers.pipeline", "wandb.init",
    "yaml.unsafe_load", "omegaconf.OmegaConf.save", "recloop.agents.dqn.BatchedDQN",
    "recloop.agents.ppo.WatchedPPO", "recloop.agents.vec_env.GymnasiumVecEnv", "recloop.encoders.cache.Cached",
    "recloop.encoders.arrays.save_arrays", "recloop.encoders.projection.Projection.load",
    "recloop.encoders.files.write_atomically", "recloop.envs.vector.RecommendVectorEnv",
    "recloop.envs.datasets.movielens.Path", "recloop.envs.catalog.np.load", "recloop.experiments.assets.fetch",
    "recloop.experiments.run.run", "recloop.experiments.build.instantiate", "recloop.experiments.tracking.Trackers",
)  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("place", ["agent", "env.world.encoder", "env.dynamics.drift.rate", "suite.cells"])
def test_a_target_that_is_not_recloop_s_own_is_refused(target: str, place: str, run: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    config = json.loads((run / "config.json").read_text())
    *above, last = place.split(".")
    node = config
    for name in above:
        node[name] = node[name] or {}
        node = node[name]
    node[last] = {"_target_": target, "_args_": [f"touch {canary}"], "env": f"{canary}:Env-v0", "folder": str(canary)}
    (run / "config.json").write_text(json.dumps(config))
    with nothing_fires(canary), pytest.raises(UsageError, match=rf"config\.json: .*_target_ is '{target}'"):
        read_run(run)


@pytest.mark.parametrize(
    "value",
    [
        "${oc.env:RECLOOP_CANARY}",
        "a ${oc.env:RECLOOP_CANARY,none} b",
        "${oc.decode:'{_target_: os.system}'}",
        "${oc.create:{_target_: os.system}}",
        "${now:%Y}",
        "${run_id:}",
        "${..seed}",
        "???",
        {"${oc.env:RECLOOP_CANARY}": 1},
        [["${oc.env:RECLOOP_CANARY}"]],
    ],
)
def test_an_interpolation_is_refused_and_not_resolved(value: object, run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    config["env"]["sessions"]["gain"] = value
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(UsageError, match="a stored file holds no interpolations") as refused:
        read_run(run)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "template", ["{title.__class__.__mro__}", "{title[0]}", "{title!r}", "{title:>9999999999}", "{0}", "{"]
)
def test_a_prompt_that_reaches_into_the_program_is_refused(template: str, run: Path) -> None:
    from recloop.experiments.inputs import check

    cfg = composed([])
    cfg.prompts.item.template = template
    with pytest.raises(UsageError, match=r"^prompts\.item: template"):
        check(cfg)


@pytest.mark.parametrize("name", [*READERS, "checkpoints"])
def test_a_link_out_of_the_run_is_refused(name: str, run: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    if (run / name).exists():
        (run / name).rename(outside)
    (run / name).symlink_to(outside)
    with pytest.raises(UsageError, match=r"leads out of the run folder"):
        READERS.get(name, weights)(read_run(run))


@pytest.mark.parametrize("name", READERS)
def test_a_pipe_hangs_nobody(name: str, run: Path) -> None:
    (run / name).unlink(missing_ok=True)
    os.mkfifo(run / name)
    with pytest.raises(UsageError, match="no such file"):
        READERS[name](read_run(run))


@pytest.mark.parametrize("member", ["../canary", "/canary", "a/../../canary", "a"])
def test_a_wheel_unpacks_nothing_outside_its_folder(member: str, tmp_path: Path) -> None:
    wheel, folder = tmp_path / "data.whl", tmp_path / "a" / "folder"
    wheel.write_bytes(zipped(**{f"data/{member}": b"", "data/../../canary": b"", "data/a": b""}))
    if member == "a":
        unpack(wheel, "data/", [member], folder)
    else:
        with pytest.raises(ValueError, match="leads out of the folder"):
            unpack(wheel, "data/", [member], folder)
    assert not list(tmp_path.rglob("canary"))


def test_a_file_of_sessions_that_unpacks_to_too_much_is_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = run / "episodes.parquet"
    pq.write_table(pa.table({"items": np.zeros(2_000_000, np.int32)}), path)
    assert path.stat().st_size < 10_000
    monkeypatch.setattr("recloop.experiments.sessions._MOST_ROWS", 1_000_000)
    with pytest.raises(UsageError, match=r"episodes\.parquet: not a whole file of sessions") as refused:
        read_run(run).played()
    assert "2,000,000 rows" in str(refused.value.__cause__)


def test_a_type_of_its_own_in_a_file_of_sessions_is_not_unpickled(run: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    own = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": PAYLOADS["pickle"](canary)}
    schema = pa.schema([pa.field("items", pa.int32(), metadata=own)])
    pq.write_table(pa.table({"items": np.zeros(3, np.int32)}, schema=schema), run / "episodes.parquet")
    with nothing_fires(canary), pytest.raises(UsageError, match=r"episodes\.parquet: not a whole file of sessions"):
        read_run(run).played()


def with_target(config: Config, canary: Path) -> None:
    config["agent"] = {"_target_": "os.system", "command": f"touch {canary}"}


def with_interpolation(config: Config, canary: Path) -> None:
    config["name"] = "${oc.env:RECLOOP_CANARY}"


def with_a_key_that_creates(config: Config, canary: Path) -> None:
    config["env"]["dynamics"] = {"${oc.create:{_target_: os.system}}": {}}


def with_code_from_the_hub(config: Config, canary: Path) -> None:
    config["encoder"] = {"_target_": "transformers.pipeline", "model": "evil/x", "trust_remote_code": True}


@pytest.mark.parametrize("command", ["evaluate", "reproduce", "report"])
@pytest.mark.parametrize("edit", [with_target, with_interpolation, with_a_key_that_creates, with_code_from_the_hub])
def test_no_command_runs_a_stranger_s_configuration(
    command: str,
    edit: Callable[[Config, Path], None],
    run: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    config = json.loads((run / "config.json").read_text())
    edit(config, tmp_path / "canary")
    (run / "config.json").write_text(json.dumps(config))
    with nothing_fires(tmp_path / "canary"):
        assert tiny.recloop(command, str(run)) == 2
    output, error = capfd.readouterr()
    assert output == ""
    assert error.startswith(f"recloop: {run}/config.json: ")
    assert error.count("\n") == 1
    assert SECRET not in error

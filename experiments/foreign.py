"""Weights from the zip files of stable-baselines3, without what else these hold: pickles, which can run code."""

import io
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from recloop.experiments.errors import UsageError

if TYPE_CHECKING:
    import torch

WEIGHTS = "policy.pth"
"""The one member that is read."""

WEIGHTS_BYTES = 1_000_000_000
"""The most that is read, unpacked."""


def load_sb3_weights(path: Path) -> dict[str, "torch.Tensor"]:
    """The `state_dict` of the policy in a file of stable-baselines3's `model.save`, on the CPU.

    Only `policy.pth` is read, by torch's reader that builds tensors and calls nothing (`weights_only=True`). For a
    network that our own configuration has built: `policy.load_state_dict(...)` says whether they fit.

    Raises:
        UsageError: there is no such file, it holds no weights, more than `WEIGHTS_BYTES`, or anything beside them.
    """
    import pickle

    import torch

    try:
        data = io.BytesIO(_member(path))
        if zipfile.is_zipfile(data):  # torch's own format, compressed by whoever wishes us harm
            _refuse_large(path, zipfile.ZipFile(data).infolist())
        data.seek(0)
        with warnings.catch_warnings(action="ignore"):  # torch would ask for a report of what it has not built
            state = torch.load(data, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; give a zip that stable-baselines3 has saved") from None
    except (OSError, zipfile.BadZipFile, NotImplementedError, LookupError) as error:
        raise UsageError(f"{path}: no zip of stable-baselines3 ({_line(error)}); save the model again") from error
    except (pickle.UnpicklingError, RuntimeError, ValueError, TypeError, EOFError, AttributeError) as error:
        raise UsageError(f"{path}: {WEIGHTS} holds more than weights, or is damaged ({_line(error)})") from error
    return _checked(path, state)


def _member(path: Path) -> bytes:
    """The bytes of `policy.pth`; what the zip says of its size may be a lie."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: is no file; give a zip that stable-baselines3 has saved")
    with zipfile.ZipFile(path) as archive:
        _refuse_large(path, [archive.getinfo(WEIGHTS)])
        with archive.open(WEIGHTS) as member:
            return _read(path, member)


def _read(path: Path, member: IO[bytes]) -> bytes:
    data = member.read(WEIGHTS_BYTES + 1)
    if len(data) > WEIGHTS_BYTES:
        raise _too_large(path)
    return data


def _refuse_large(path: Path, members: list[zipfile.ZipInfo]) -> None:
    if sum(member.file_size for member in members) > WEIGHTS_BYTES:
        raise _too_large(path)


def _too_large(path: Path) -> UsageError:
    return UsageError(f"{path}: {WEIGHTS} unpacks to more than {WEIGHTS_BYTES:,} bytes; is it a policy's?")


def _checked(path: Path, state: Any) -> dict[str, "torch.Tensor"]:
    """The weights, if it is they, dense and finite, and nothing else."""
    if not isinstance(state, Mapping) or not state:
        raise UsageError(f"{path}: {WEIGHTS} holds a {type(state).__name__}, no weights by name; save the model again")
    weights = {}
    for name, tensor in state.items():
        if not isinstance(name, str) or not _is_plain(tensor):
            raise UsageError(f"{path}: {str(name)[:80]!r} in {WEIGHTS} is no tensor by name; save the model again")
        if tensor.numel() * tensor.element_size() > WEIGHTS_BYTES:  # one stored number can be told to fill a matrix
            raise _too_large(path)
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise UsageError(f"{path}: {name[:80]!r} in {WEIGHTS} holds a NaN or an infinity; train the model again")
        weights[name] = tensor.detach().contiguous()
    return weights


def _is_plain(value: Any) -> bool:
    """Whether it is a tensor whose numbers are there, one by one."""
    import torch

    return isinstance(value, torch.Tensor) and value.layout is torch.strided and not value.is_meta


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__

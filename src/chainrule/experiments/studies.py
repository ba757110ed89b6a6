"""Where the study of a search is kept: in a journal in its run folder, or in a database. Optuna is loaded here."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.errors import ChainruleError, CheckpointError, ModelFileError, OptionError

if TYPE_CHECKING:
    from optuna.study import Study

STARTED, WARM = 5, 20
"""How many trials come before any is pruned, and how many percent of its epochs a trial has run before it is."""

BUSY = 60
"""For so many seconds a process waits for another to be done with an SQLite database."""

DRIVERS = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
"""What is installed for a module that speaks with databases, where that has another name."""


def load_optuna() -> Any:
    """Optuna.

    Raises:
        MissingPackageError: it is not installed.
    """
    from chainrule.extras import optuna

    return optuna


def in_journal(path: Path, check: Callable[[Study, str], None], *, shared: bool) -> Study:
    """The study of the journal, which is made if there is none.

    Args:
        check: raises CheckpointError where the study is none of ours.
        shared: whether other processes write it, too; if not, the whole folder belongs to this one.

    Raises:
        CheckpointError: it is damaged. ModelFileError: it cannot be read or written.
    """
    optuna = load_optuna()
    journal = optuna.storages.journal
    if not shared:
        with accessible(str(path)):
            _cut_torn_line(path)
    lock = _whole_lines(journal.JournalFileOpenLock, path) if shared else _unlocked(journal.JournalFileOpenLock)
    backend = journal.JournalFileBackend(str(path), lock(str(path)))
    with accessible(str(path)):
        try:
            study = _study(optuna, optuna.storages.JournalStorage(backend), "chainrule")
            check(study, str(path))
        except (ChainruleError, OSError):
            raise
        except Exception as error:  # Optuna replays the lines as they stand, which can go wrong in many ways
            raise CheckpointError(f"{path} is damaged, or no journal of a search: {error!r}.") from None
    return study


def in_database(url: str, name: str, check: Callable[[Study, str], None]) -> Study:
    """The study of this name in a database, which is made if there is none.

    Raises:
        OptionError: the URL is none, or what speaks with such a database is not installed.
        CheckpointError: the study is none of a search. ModelFileError: the database cannot be opened.
    """
    optuna = load_optuna()
    called = without_password(url)
    with accessible(called):
        study = _study(optuna, _database(optuna, url, called), name)
        check(study, called)
    return study


def without_password(url: str) -> str:
    """A database URL as messages tell it.

    Raises:
        OptionError: it is none.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).set(query={}).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        raise OptionError(
            "--storage takes the URL of a database, such as sqlite:////shared/search.db or "
            "postgresql://name:password@host/database. A folder that all share needs none: --out names it."
        ) from None


@contextlib.contextmanager
def accessible(called: str) -> Iterator[None]:
    """Turns an error of the system, a journal or a database into a sentence; Optuna's own messages are off."""
    logger = logging.getLogger("optuna")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    except ModelFileError:
        raise
    except OSError as error:
        if error.filename and not str(error.filename).startswith(called):
            raise  # of what is read while training
        raise ModelFileError(f"{called} cannot be read or written: {error.strerror or error}.") from None
    except json.JSONDecodeError:  # of a journal, which the disk did not take
        raise CheckpointError(f"{called} is damaged: a line in it was not written whole.") from None
    except Exception as error:
        reason = _of_database(error)
        if reason is None:
            raise
        raise ModelFileError(f"{called} cannot be used: {reason}.") from None
    finally:
        logger.setLevel(before)


def _study(optuna: Any, storage: Any, name: str) -> Study:
    study: Study = optuna.create_study(
        storage=storage,
        study_name=name,
        direction="minimize",
        pruner=optuna.pruners.MedianPruner(STARTED, WARM),
        load_if_exists=True,
    )
    return study


def _database(optuna: Any, url: str, called: str) -> Any:
    """Optuna's storage in a database; its tables are made if there are none, also by several processes at once."""
    from sqlalchemy import event
    from sqlalchemy.exc import IntegrityError, NoSuchModuleError, OperationalError, ProgrammingError

    sqlite = url.startswith("sqlite")
    options = {"connect_args": {"timeout": BUSY}} if sqlite else {"pool_pre_ping": True}
    for left in reversed(range(5)):
        try:
            storage = optuna.storages.RDBStorage(url.replace("{", "{{").replace("}", "}}"), engine_kwargs=options)
            break
        except NoSuchModuleError:
            raise OptionError(
                f"{called} is of a kind of database that is not known here: sqlite, postgresql and mysql are."
            ) from None
        except ImportError as error:
            module = getattr(error.__cause__, "name", None) or "its driver"
            package = DRIVERS.get(module, module)
            raise OptionError(f"{called} needs {module}, which is not installed: pip install '{package}'.") from None
        except (OperationalError, ProgrammingError, IntegrityError) as error:
            if not left or not ("exist" in str(error) or "UNIQUE" in str(error)):  # what another has just made
                raise
            time.sleep(0.2)
    if sqlite:
        # SQLite knows no rows that are locked: a transaction has the whole database from its beginning on, so that
        # what is read in it still holds where it is written.
        storage.engine.dispose()
        event.listen(storage.engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
        event.listen(storage.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return storage


def _of_database(error: Exception) -> str | None:
    """What went wrong with a database, in its own words; None where it was something else."""
    if "sqlalchemy" not in sys.modules:
        return None
    from sqlalchemy.exc import SQLAlchemyError

    cause = error.__cause__ if type(error).__name__ == "StorageInternalError" else error
    if not isinstance(cause, SQLAlchemyError):
        return None
    told = str(getattr(cause, "orig", None) or cause).strip().splitlines()
    return (told[0] if told else type(cause).__name__).rstrip(".")


def _unlocked(kind: Any) -> Any:
    """A lock of Optuna's that need not lock: the whole folder belongs to this process."""

    class Unlocked(kind):  # type: ignore[misc]
        def acquire(self) -> bool:
            return True

        def release(self) -> None:
            pass

    return Unlocked


def _whole_lines(kind: Any, path: Path) -> Any:
    """A lock of Optuna's under which the journal ends with a whole line, whoever was killed while writing."""

    class WholeLines(kind):  # type: ignore[misc]
        def acquire(self) -> bool:
            got: bool = super().acquire()
            _cut_torn_line(path)
            return got

    return WholeLines


def _cut_torn_line(path: Path) -> None:
    """Drop what was being written to the journal when a process was killed, the power failed or the disk was full."""
    if not path.exists() or _last_byte(path) in (b"", b"\n"):
        return
    with open(path, "r+b") as file:
        file.truncate(file.read().rfind(b"\n") + 1)


def _last_byte(path: Path) -> bytes:
    with open(path, "rb") as file:
        file.seek(max(path.stat().st_size - 1, 0))
        return file.read(1)

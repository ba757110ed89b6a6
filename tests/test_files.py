import errno
import functools
import json
import os
import random
import stat
import struct
import threading
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save as save_safetensors

import chainrule as cr
from chainrule import files

KINDS = {
    "Dense": (lambda: [cr.Dense(3, "tanh", initializer="orthogonal"), cr.Dense(2, bias=False)], (4,)),
    "Dense with options": (
        lambda: [
            cr.Dense(3, functools.partial(cr.ops.leaky_relu, slope=0.3), initializer=cr.initializers.He("uniform"))
        ],
        (4,),
    ),
    "Activation": (lambda: [cr.Dense(3), cr.Activation(functools.partial(cr.ops.elu, alpha=0.5))], (4,)),
    "Dropout": (lambda: [cr.Dropout(0.3), cr.Dense(3)], (4,)),
    "BatchNorm": (lambda: [cr.BatchNorm(momentum=0.5, epsilon=1e-3), cr.Dense(2)], (4,)),
    "LayerNorm": (lambda: [cr.LayerNorm(epsilon=1e-3), cr.Dense(2)], (5, 4)),
    "Standardize": (lambda: [cr.Standardize(), cr.Dense(2)], (4,)),
    "Embedding": (lambda: [cr.Embedding(4, 3), cr.Flatten(), cr.Dense(2)], (5,)),
    "Flatten": (lambda: [cr.Flatten(), cr.Dense(2)], (2, 3, 2)),
    "Residual": (lambda: [cr.Residual([cr.Dense(4, "relu"), cr.Dense(2)], shortcut=cr.Dense(2, bias=False))], (4,)),
    "Network": (lambda: [cr.Dense(3), cr.Network([cr.Dense(3), cr.Network([cr.BatchNorm()])]), cr.Dense(2)], (4,)),
    "none with parameters": (lambda: [cr.Activation("relu")], (4,)),
}


def examples(shape):
    return np.random.default_rng(1).integers(0, 4, size=(20, *shape))


def small_network(**options):
    layers = [cr.Standardize(), cr.Residual([cr.Dense(4, "relu"), cr.BatchNorm()]), cr.Network([cr.Dense(3)])]
    return cr.Network(layers, seed=0, input_shape=4, **options)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def saved(path):
    small_network().save(path)
    return path.read_bytes()


class TestRoundTrip:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("kind", KINDS)
    def test_every_kind_of_layer_comes_back_bit_for_bit(self, path, kind, dtype):
        layers, shape = KINDS[kind]
        net = cr.Network(layers(), seed=3, dtype=dtype, input_shape=shape)
        X = examples(shape)
        if net.flat.size:
            y = np.zeros((20, *net.predict(X).shape[1:]))
            cr.train(net, X, y, loss=lambda A, Y: ((A - Y) ** 2).mean(), epochs=2, seed=0, progress=False)
        net.save(path)
        loaded = cr.load(path)
        assert repr(loaded) == repr(net)
        assert loaded.to_config() == net.to_config()
        assert loaded.input_shape == net.input_shape == shape
        assert loaded.state().keys() == net.state().keys()
        for name, value in net.state().items():
            assert loaded.state()[name].tobytes() == value.tobytes()
            assert loaded.state()[name].dtype == (np.float64 if name.startswith("layers.") else np.dtype(dtype))
        assert loaded.predict(X).tobytes() == net.predict(X).tobytes()

    def test_metadata_are_kept(self, path):
        net = small_network()
        net.metadata = {"classes": ["cat", "Hündin", "鳥"], "columns": {"a": 1.5, "b": None}, "done": True}
        net.save(path)
        assert cr.load(path).metadata == net.metadata

    def test_a_network_that_is_not_built_stays_so_and_keeps_its_seed(self, path):
        net = cr.Network([cr.Dense(3)])
        net.save(path)
        loaded = cr.load(path)
        assert not loaded.built
        np.testing.assert_array_equal(loaded.predict(np.ones((2, 4))), net.predict(np.ones((2, 4))))

    def test_a_loaded_network_trains_on_as_the_saved_one_would(self, path):
        net, X = small_network(), examples((4,))
        net.save(path)
        loaded = cr.load(path)
        for each in (net, loaded):
            cr.train(each, X, X[:, :3], loss="squared_error", epochs=2, batch_size=8, seed=0, progress=False)
        np.testing.assert_array_equal(loaded.flat, net.flat)

    def test_the_same_network_is_the_same_bytes(self, tmp_path):
        for name in ("one", "two"):
            cr.Network([cr.Dense(5, "relu"), cr.BatchNorm()], seed=0, input_shape=4).save(tmp_path / name)
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()

    def test_other_programs_can_read_the_tensors(self, path):
        from safetensors.numpy import load_file

        net = small_network()
        net.save(path)
        tensors = load_file(path)
        np.testing.assert_array_equal(tensors["W1"], net.parameters["W1"])
        assert "layers.0.mean" in tensors

    def test_an_inner_network_is_saved_by_itself_with_its_own_numbers(self, path):
        net, X = small_network(), examples((4,))
        net.layers[2].save(path)
        loaded = cr.load(path)
        assert list(loaded.parameters) == ["W1", "b1"]
        np.testing.assert_array_equal(loaded.predict(X), net.layers[2].predict(X))

    def test_the_path_may_be_text_and_folders_are_made(self, tmp_path):
        small_network().save(str(tmp_path / "new" / "folder" / "model"))
        assert cr.load(str(tmp_path / "new" / "folder" / "model")).built


class TestWhatCannotBeSaved:
    def test_an_own_function_is_named_with_the_way_out_and_the_old_file_stays(self, path, saved):
        net = cr.Network([cr.Dense(3, lambda Z: Z)], input_shape=4)
        with pytest.raises(cr.OptionError, match=r"Dense's activation is <function .*Layer subclass"):
            net.save(path)
        assert path.read_bytes() == saved

    @pytest.mark.parametrize("value", [np.arange(3), {1, 2}, object()], ids=["array", "set", "object"])
    def test_metadata_that_are_no_json_are_an_option_error(self, path, value):
        net = small_network()
        net.metadata["classes"] = value
        with pytest.raises(cr.OptionError, match="metadata"):
            net.save(path)
        assert not path.exists()


def refusal(path, data):
    """The reason that `load` gives for not reading these bytes, or None where it reads them."""
    path.write_bytes(data)
    try:
        net = cr.load(path)
    except cr.ModelFileError as error:
        return str(error)
    assert net.built, "the tensors were dropped without a word"
    return None


def unreadable(path, data):
    """The reason that `load` gives for not reading these bytes."""
    reason = refusal(path, data)
    assert reason is not None
    assert str(path) in reason
    return reason


class TestDamagedFiles:
    def test_a_file_cut_short_at_any_place_is_refused(self, path, saved):
        for length in [*range(64), *range(64, len(saved), 37), len(saved) - 1]:
            unreadable(path, saved[:length])

    def test_a_file_with_more_at_its_end_is_refused(self, path, saved):
        unreadable(path, saved + b"\0")

    def test_flipped_bytes_are_refused_or_do_no_harm(self, path, saved):
        dice = random.Random(0)
        header = 8 + int.from_bytes(saved[:8], "little")
        reasons = []
        for _ in range(1500):
            data = bytearray(saved)
            for _ in range(dice.choice([1, 1, 2, 8])):
                data[dice.randrange(header if dice.random() < 0.9 else len(data))] = dice.randrange(256)
            reasons.append(refusal(path, data))
        refused = [reason for reason in reasons if reason is not None]
        assert len(refused) > 1000
        assert all(str(path) in reason for reason in refused)

    def test_a_flipped_bit_of_any_number_is_refused(self, path, saved):
        header = 8 + int.from_bytes(saved[:8], "little")
        for place in range(header, len(saved)):
            data = bytearray(saved)
            data[place] ^= 1 << place % 8
            assert "is damaged: its content is not what was written" in unreadable(path, data)

    def test_a_flipped_digit_of_the_description_is_refused(self, path, saved):
        other = saved.replace(rb"\"momentum\": 0.9", rb"\"momentum\": 0.8")
        assert other != saved
        assert "is damaged: its content is not what was written" in unreadable(path, other)

    def test_numbers_of_any_bits_load(self, path):
        net = small_network()
        net.flat.view(np.uint8)[...] = np.frombuffer(np.random.default_rng(0).bytes(net.flat.nbytes), np.uint8)
        net.save(path)
        assert cr.load(path).flat.tobytes() == net.flat.tobytes()

    def test_a_file_from_before_there_were_checksums_loads(self, path, saved):
        tensors, description = files.unpack(saved, "")
        assert refusal(path, save_safetensors(tensors, metadata={"chainrule": json.dumps(description)})) is None

    def test_an_empty_file(self, path):
        assert "damaged or no model file: it is empty." in unreadable(path, b"")

    def test_what_is_wrong_is_told_without_the_words_of_the_format(self, path, saved):
        cut = unreadable(path, saved[:-5])
        assert f"it ends after {len(saved) - 5:,} of {len(saved):,} bytes." in cut
        page = unreadable(path, b"<!DOCTYPE html>\n<html>no such page</html>")
        assert "it is a text. The model file that chainrule writes ends in .safetensors." in page
        assert "it does not begin as one does." in unreadable(path, b"\xff" * 1000)
        header = b'{"W": {"dtype": "F32", "shape": [1], "data_offsets": []}}'
        assert "damaged or no model file" in unreadable(path, len(header).to_bytes(8, "little") + header)

    def test_a_zip_archive(self, path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("weights.bin", bytes(100))
        assert "damaged or no model file" in unreadable(path, path.read_bytes())

    def test_text_and_noise(self, path):
        for data in (b"hello", b"{}", b"\x93NUMPY", b"\x80\x04N.", bytes(1000), b"\xff" * 1000):
            assert "damaged or no model file" in unreadable(path, data)

    def test_a_safetensors_file_of_another_program(self, path):
        tensors = {"weight": np.ones((2, 3), np.float32)}
        for metadata in (None, {"format": "pt"}):
            reason = unreadable(path, save_safetensors(tensors, metadata=metadata))
            assert "safetensors file, but not one that chainrule wrote" in reason

    def test_a_description_that_is_no_json_or_no_object(self, path):
        for text in ("", "{", "nonsense", "[]", "3", "null", '"text"'):
            assert "description is no JSON" in unreadable(path, save_safetensors({}, metadata={"chainrule": text}))

    @pytest.mark.parametrize("depth", [300, 100_000])
    def test_json_that_is_too_deep(self, path, depth):
        lists = "[" * depth + "]" * depth
        unreadable(path, save_safetensors({}, metadata={"chainrule": f'{{"network": {lists}}}'}))
        layers = '{"type": "Residual", "layers": [' * depth + "]}" * depth
        unreadable(path, save_safetensors({}, metadata={"chainrule": f'{{"network": {layers}}}'}))

    def test_a_header_that_is_too_deep(self, path):
        header = b'{"__metadata__": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        unreadable(path, struct.pack("<Q", len(header)) + header)

    def test_a_folder(self, tmp_path):
        with pytest.raises(cr.ModelFileError, match=r"is a folder, not a model file: it holds none"):
            cr.load(tmp_path)
        (tmp_path / "model.safetensors").touch()
        with pytest.raises(cr.ModelFileError, match=r"is a folder, not a model file: it holds model\.safetensors"):
            cr.load(tmp_path)

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(cr.ModelFileError, match=r"cannot read .*absent.safetensors: No such file"):
            cr.load(tmp_path / "absent.safetensors")

    def test_a_path_through_a_file(self, path, saved):
        with pytest.raises(cr.ModelFileError, match=r"cannot read .*: Not a directory"):
            cr.load(path / "model.safetensors")

    def test_a_path_that_no_system_takes(self):
        for impossible in ("a\0b", "x" * 5000):
            with pytest.raises(cr.ModelFileError, match="cannot read"):
                cr.load(impossible)
            with pytest.raises(cr.ModelFileError, match="cannot write"):
                small_network().save(impossible)

    def test_it_is_an_os_error_too(self, tmp_path):
        with pytest.raises(OSError, match="cannot read"):
            cr.load(tmp_path / "absent.safetensors")


def places(node, here=()):
    """The way to every value of a JSON tree."""
    yield here
    for key in node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
        yield from places(node[key], (*here, key))


def replaced(tree, place, value):
    tree = json.loads(json.dumps(tree))
    *way, last = place
    functools.reduce(lambda node, key: node[key], way, tree)[last] = value
    return tree


class TestWrongDescriptions:
    """Files that are whole, but whose description does not fit the tensors or says what nobody can do."""

    @pytest.fixture
    def tensors(self, saved):
        return files.unpack(saved, "")[0]

    @pytest.fixture
    def description(self, saved):
        return files.unpack(saved, "")[1]

    def refused(self, path, tensors, description):
        return unreadable(path, files.pack(tensors, description))

    def test_a_newer_format(self, path, tensors, description):
        assert "newer chainrule: upgrade" in self.refused(path, tensors, description | {"format": 2})

    @pytest.mark.parametrize("version", ["1", None, [], {}])
    def test_a_format_that_is_no_number(self, path, tensors, description, version):
        self.refused(path, tensors, description | {"format": version})

    @pytest.mark.parametrize(
        "shape",
        [[10**12], [10**6, 10**6], [10**400], [-4], [4, 0], [], [3], ["four"], [float("inf")], [float("nan")], 4, None],
    )
    def test_an_input_shape_that_does_not_fit(self, path, tensors, description, shape):
        self.refused(path, tensors, description | {"input_shape": shape})

    def test_tensors_without_an_input_shape(self, path, tensors, description):
        del description["input_shape"]
        self.refused(path, tensors, description)

    def test_an_unknown_layer_is_asked_about(self, path, tensors, description):
        wrong = replaced(description, ("network", "layers", 0, "type"), "Standardise")
        assert "Did you mean 'Standardize'?" in self.refused(path, tensors, wrong)

    def test_what_is_no_layer_or_no_network(self, path, tensors, description):
        for kind in ("Adam", "He", "Layer", "Step"):
            self.refused(path, tensors, replaced(description, ("network", "layers", 0), {"type": kind}))
        assert "not a network" in self.refused(path, tensors, description | {"network": {"type": "Dense", "n_out": 3}})

    def test_a_dense_whose_n_out_is_not_that_of_its_tensors(self, path, tensors, description):
        wrong = replaced(description, ("network", "layers", 2, "layers", 0, "n_out"), 7)
        assert "layer 3, Dense(7): W3 is (3, 4), but the layer now asks for (7, 4)" in self.refused(
            path, tensors, wrong
        )

    def test_layers_that_do_not_follow_one_another(self, path, tensors, description):
        tensors["W3"] = np.zeros((3, 5), np.float32)
        assert "layer 3, Dense(3): W3 is (3, 5), so it takes 5 features, but A2 has 4." in self.refused(
            path, tensors, description
        )

    def test_a_tensor_that_is_missing(self, path, tensors, description):
        for name in description["parameters"]:
            fewer = {key: value for key, value in tensors.items() if key != name}
            assert f"its tensor {name} is missing" in self.refused(path, fewer, description)

    def test_a_statistic_of_another_shape(self, path, tensors, description):
        tensors["layers.0.mean"] = np.zeros(9, np.float32)
        assert "mean is (9,)" in self.refused(path, tensors, description)

    def test_a_statistic_of_no_layer(self, path, tensors, description):
        for name in ("layers.9.mean", "layers.mean", "layers."):
            self.refused(path, tensors | {name: np.zeros(4, np.float32)}, description)

    @pytest.mark.filterwarnings("default")
    def test_tensors_of_another_type_are_no_parameters(self, path, tensors, description):
        self.refused(path, tensors | {"W1": tensors["W1"].astype(np.complex64)}, description)

    def test_an_activation_that_is_none(self, path, tensors, description):
        place = ("network", "layers", 1, "layers", 0, "activation")
        for activation in (
            "reluu",
            5,
            {"operation": "explode"},
            {"operation": "linear"},
            {"operation": "leaky_relu", "options": {"steepness": 1}},
            {"operation": "leaky_relu", "options": 3},
            {"operation": "index", "options": {"key": 99}},
            {"operation": "softmax", "options": {"axis": 9}},
            {"operation": ["relu"]},
        ):
            self.refused(path, tensors, replaced(description, place, activation))

    def test_anything_anywhere_is_refused_or_does_no_harm(self, path, tensors, description):
        junk = [None, True, -1, 0, 0.5, float("inf"), 10**30, "", "W1", [], [[]], {}, {"type": "Dense"}, {"type": []}]
        for place in list(places(description))[1:]:
            for value in junk:
                reason = refusal(path, files.pack(tensors, replaced(description, place, value)))
                assert reason is None or str(path) in reason


class TestFailedWrites:
    @pytest.fixture
    def full_disk(self, monkeypatch):
        def fill(function):
            def fail(*args, **kwargs):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            monkeypatch.setattr(os, function, fail)

        return fill

    @pytest.mark.parametrize("function", ["fsync", "replace"])
    def test_the_old_file_stays_and_nothing_is_left_behind(self, path, saved, full_disk, function):
        full_disk(function)
        with pytest.raises(cr.ModelFileError, match=r"cannot write .*model.safetensors: No space left .*unchanged"):
            cr.Network([cr.Dense(2)], input_shape=3).save(path)
        assert path.read_bytes() == saved
        assert list(path.parent.iterdir()) == [path]

    @pytest.mark.parametrize("function", ["fsync", "replace"])
    def test_without_an_old_file_there_is_none_afterwards(self, path, full_disk, function):
        full_disk(function)
        with pytest.raises(cr.ModelFileError, match="No space left") as caught:
            small_network().save(path)
        assert "unchanged" not in str(caught.value)
        assert list(path.parent.iterdir()) == []

    def test_an_interrupt_leaves_nothing_behind_either(self, path, saved, monkeypatch):
        def interrupt(handle):
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            cr.Network([cr.Dense(2)], input_shape=3).save(path)
        assert path.read_bytes() == saved
        assert list(path.parent.iterdir()) == [path]

    def test_a_folder_that_cannot_be_synced_never_tells_that_the_old_file_is_there(self, path, saved, monkeypatch):
        fsync = os.fsync

        def only_files(handle):
            if stat.S_ISDIR(os.fstat(handle).st_mode):
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            fsync(handle)

        monkeypatch.setattr(os, "fsync", only_files)
        try:
            cr.Network([cr.Dense(2)], input_shape=3).save(path)
        except cr.ModelFileError as error:
            assert ("unchanged" in str(error)) == (path.read_bytes() == saved)  # noqa: PT017
        else:
            assert cr.load(path).parameters["W1"].shape == (2, 3)

    def test_a_path_below_a_file(self, path, saved):
        with pytest.raises(cr.ModelFileError, match=r"cannot write .*model.safetensors/below"):
            small_network().save(path / "below")
        with pytest.raises(cr.ModelFileError, match="cannot write"):
            small_network().save(path / "below" / "deeper")
        assert path.read_bytes() == saved

    def test_a_path_that_is_a_folder(self, tmp_path):
        (tmp_path / "folder").mkdir()
        with pytest.raises(cr.ModelFileError, match=r"cannot write .*folder: Is a directory"):
            small_network().save(tmp_path / "folder")
        assert list(tmp_path.iterdir()) == [tmp_path / "folder"]
        assert list((tmp_path / "folder").iterdir()) == []

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_without_permission(self, tmp_path):
        tmp_path.chmod(0o500)
        try:
            with pytest.raises(cr.ModelFileError, match="Permission denied"):
                small_network().save(tmp_path / "model")
        finally:
            tmp_path.chmod(0o700)


class TestWriteAtomically:
    def test_text_is_written_as_utf8(self, path):
        files.write_atomically(path, "Größe 鳥")
        assert path.read_bytes() == "Größe 鳥".encode()

    def test_an_old_file_is_replaced(self, path):
        files.write_atomically(path, b"a longer old content")
        files.write_atomically(path, b"new")
        assert path.read_bytes() == b"new"
        assert list(path.parent.iterdir()) == [path]

    def test_readers_of_the_old_file_keep_it(self, path):
        files.write_atomically(path, b"old")
        with path.open("rb") as reader:
            files.write_atomically(path, b"new")
            assert reader.read() == b"old"

    @pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
    @pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600), (0o002, 0o664)])
    def test_permissions_follow_the_umask(self, path, umask, mode):
        before = os.umask(umask)
        try:
            files.write_atomically(path, b"content")
            assert stat.S_IMODE(path.stat().st_mode) == mode
            assert os.umask(umask) == umask
        finally:
            os.umask(before)


def test_tensors_and_their_json_come_back(path):
    tensors = {
        "scalar": np.float64(3.5).reshape(()),
        "empty": np.zeros((0, 3), np.float32),
        "transposed": np.arange(6.0).reshape(2, 3).T,
        "every other": np.arange(10)[::2],
        "whole": np.array([-1, 2**40]),
        "big-endian": np.arange(3, dtype=">f4"),
    }
    metadata = {"text": "Größe 鳥", "numbers": [1, 2.5, None, True], "nested": {"a": {}}}
    files.write_tensors(path, tensors, metadata)
    found, description = files.read_tensors(path)
    assert description == metadata
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found[name], tensor)


class TestWhatIsNoUsualFile:
    def test_a_link_stays_and_what_it_points_to_is_written(self, tmp_path):
        (tmp_path / "real.csv").write_text("old")
        (tmp_path / "link.csv").symlink_to("real.csv")
        files.write_atomically(tmp_path / "link.csv", "new")
        assert (tmp_path / "link.csv").is_symlink()
        assert (tmp_path / "real.csv").read_text() == "new"

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
    def test_a_pipe_is_written_through(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        read = []
        thread = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
        thread.start()
        files.write_atomically(tmp_path / "pipe", "some text")
        thread.join(600)
        assert read == ["some text"]
        assert (tmp_path / "pipe").is_fifo()

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
    def test_a_device_is_no_file_to_be_replaced(self):
        with pytest.raises(cr.ModelFileError, match="cannot write to /dev/full: No space left on device"):
            files.write_atomically("/dev/full", "some text")
        assert not os.path.isfile("/dev/full")

"""Figures of what a convnet has learned, and the commands that draw them."""

import itertools
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text
from PIL import Image

from convnet import figures, load, pages
from convnet.cli_deconv import sheet_of
from convnet.deconvnet import RULES, Projection, deconvnet
from convnet.features import Patch, Strongest, patch
from convnet.models import Checkpoint, Model, Preprocessing, save
from convnet.pages import HEIGHT, MARGIN, WIDTH
from convnet.views import View, in_rgb, view
from convnet.zfnet import ZFNet, ZFNetConfig
from images.labelled import Item, write_manifest
from images.reading import RGB, read

SIZE = 64
PREPROCESSING = Preprocessing(SIZE, (104.0, 117.0, 123.0), 1 / 58, "BGR", "pad")
HOSTILE = "$x^2$ $\\frac{a}{$ <b>\n\udcff 写真 \u202e" + 80 * "long "
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small net, untrained, as a file."""
    torch.manual_seed(0)
    config = ZFNetConfig(SIZE, 1 / 6, 16)
    path = tmp_path_factory.mktemp("run") / "small.safetensors"
    save(path, Checkpoint("zfnet", config, PREPROCESSING, None, None), ZFNet(config))
    return path


@pytest.fixture(scope="module")
def model(checkpoint: Path) -> Model:
    return load(checkpoint)


def picture(number: int, height: int = 60, width: int = 90) -> RGB:
    """Blots of colour on a slope of grey."""
    rng = np.random.default_rng(number)
    image = np.tile(np.linspace(40, 200, width), (height, 1))[..., None] * np.ones(3)
    for _ in range(6):
        top, left = rng.integers(0, height - 8), rng.integers(0, width - 8)
        image[top : top + 20, left : left + 14] = rng.integers(0, 256, 3)
    return image.astype(np.uint8)


@pytest.fixture(scope="module")
def seen() -> View:
    return view(picture(0), PREPROCESSING)


@pytest.fixture(scope="module")
def projections(model: Model, seen: View) -> list[Projection]:
    return [deconvnet(model, seen.x, "conv2", 1, rule=rule) for rule in RULES]


def shown(figure: Figure) -> list[np.ndarray]:
    """The pictures on a page, in order."""
    return [
        np.asarray(artist.get_array())
        for axes in figure.axes
        for artist in axes.get_children()
        if isinstance(artist, AxesImage)
    ]


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def expect_tidy(figure: Figure) -> None:
    """Nothing leaves the page, no text touches another or a picture, and text is a slide's."""
    figure.set_dpi(200)  # as saved; hinting makes text of few pixels wider
    with pages.style():
        figure.draw_without_rendering()
    unit = figure.dpi / 72
    boxes = [
        (text.get_text(), text.get_window_extent())
        for text in figure.findobj(Text)
        if text.get_text()
    ]
    for words_, box in boxes:
        assert box.x0 >= MARGIN * unit - 1, words_
        assert box.x1 <= (WIDTH - MARGIN) * unit + 3, words_
        assert box.y0 >= 10 * unit, words_
        assert box.y1 <= HEIGHT * unit, words_
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        assert not (a.padded(-1).overlaps(b.padded(-1))), (one, other)
    for axes in figure.axes:
        extent = axes.get_window_extent()
        assert extent.y0 >= 0
        assert extent.x1 <= WIDTH * unit
        for words_, box in boxes:
            assert not extent.padded(-1).overlaps(box.padded(-1)), words_
    for one, other in itertools.combinations(figure.axes, 2):
        assert not one.get_window_extent().padded(-1).overlaps(other.get_window_extent().padded(-1))
    sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text()]
    assert min(sizes) >= 9


# Values as pixels -----------------------------------------------------------------------------


def test_white_is_where_all_but_half_a_percent_lie_below_and_zeros_do_not_count():
    values = np.zeros((100, 100, 3), np.float32)
    assert figures.far(values) == 1
    values[:10, :, 0] = np.arange(1, 1001).reshape(10, 100)
    values[::2] *= -1
    assert figures.far(values) == pytest.approx(1 + 0.995 * 999)
    assert figures.far(values * 1e-6) == pytest.approx(figures.far(values) * 1e-6)


def test_contrast_is_grey_at_zero_and_alike_on_both_sides():
    values = np.linspace(-2, 2, 401, dtype=np.float32).reshape(1, -1, 1)
    drawn = figures.contrast(values, 2.0).astype(int).ravel()
    assert (drawn[0], drawn[200], drawn[-1]) == (1, 128, 255)
    assert np.array_equal(drawn - 128, 128 - drawn[::-1])
    assert figures.contrast(3 * values, 2.0).min() == 1


def test_a_projection_is_added_to_its_picture_and_stays_in_range():
    flat = np.full((1, 4, 3), 100, np.uint8)
    values = np.array([-9, -1, 0, 1], np.float32)[None, :, None] * np.ones(3, np.float32)
    assert figures.added(flat, values, 2.0)[0, :, 0].tolist() == [4, 52, 100, 148]
    assert figures.added(flat * 2, -values, 2.0)[0, 0, 0] == 255


def test_a_mosaic_keeps_its_tiles():
    tiles = [np.full((2, 3, 3), k, np.uint8) for k in range(4)]
    whole = figures.mosaic(tiles, 3, 2, 1)
    assert whole.shape == (5, 11, 3)
    assert whole[0, [0, 4, 8], 0].tolist() == [0, 1, 2]
    assert whole[3, 0, 0] == 3
    assert (whole[3:, 4:] == figures.PAPER).all()
    assert (whole[2] == figures.PAPER).all()


# Pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 5, 16, 48, 64, 96])
def test_filters_are_drawn_in_their_colours_on_one_scale(count):
    weights = np.zeros((count, 3, 7, 7), np.float32)
    weights[0, 2, 0, 6] = 0.5  # red, in a network that takes blue first
    weights[-1, :, 3, 3] = -0.25
    figure = figures.filters(weights, PREPROCESSING, "filters")
    (whole,) = shown(figure)
    assert whole[4, 6 * 8 + 4].tolist() == ([255, 128, 128])
    columns = (whole.shape[1] + 5) // 61
    rows = (whole.shape[0] + 5) // 61
    assert columns * rows >= count
    top, left = (count - 1) // columns * 61, (count - 1) % columns * 61
    assert whole[top + 28, left + 28, 0] == pytest.approx(64, abs=1)
    assert f"{count} filters of 7 × 7 px" in " ".join(words(figure))
    expect_tidy(figure)


@pytest.mark.parametrize("shape", [(60, 90), (90, 60)])
def test_the_three_rules_stand_side_by_side_cut_to_what_the_unit_sees(model, shape):
    seen = view(picture(0, *shape), PREPROCESSING)
    projections = [deconvnet(model, seen.x, "conv2", 1, rule=rule) for rule in RULES]
    figure = figures.rules(seen, projections, PREPROCESSING, "title", "note")
    whole, patch, *three = shown(figure)
    field = projections[0].field.meet(seen.box)
    assert field != seen.box
    assert np.array_equal(whole, seen.image[seen.box.slices])
    assert np.array_equal(patch, seen.image[field.slices])
    said = words(figure)
    for projection, drawn in zip(projections, three, strict=True):
        values = in_rgb(projection.pixels, PREPROCESSING)[field.slices]
        assert np.array_equal(drawn, figures.contrast(values, figures.far(values)))
        assert projection.rule in said
        assert f"White and black: ±{figures.far(values):.2g}." in said
    (frame,) = figure.axes[0].patches
    assert frame.get_xy() == (field.left - seen.box.left - 0.5, field.top - seen.box.top - 0.5)
    assert (frame.get_width(), frame.get_height()) == (
        field.right - field.left,
        field.bottom - field.top,
    )
    expect_tidy(figure)


def test_a_unit_that_sees_everything_needs_no_frame(model, seen):
    found = [deconvnet(model, seen.x, "fc8", 1, rule=rule) for rule in RULES]
    figure = figures.rules(seen, found, PREPROCESSING, "title", "note")
    assert len(shown(figure)) == 4
    assert not figure.axes[0].patches
    expect_tidy(figure)


def test_a_unit_that_sees_only_padding_shows_the_whole_picture(model, seen):
    assert seen.box.top > 6
    found = deconvnet(model, seen.x, "conv1", 0, (0, 0))
    figure = figures.rules(seen, [found], PREPROCESSING, "title", "note")
    assert [drawn.shape for drawn in shown(figure)] == [seen.image[seen.box.slices].shape] * 2
    assert "Nothing comes down." in words(figure)


def test_a_picture_is_changed_by_its_projection(seen, projections):
    figure = figures.likeness(seen, projections[1], PREPROCESSING, "title", "note")
    before, values, after = (drawn.astype(int) for drawn in shown(figure))
    assert np.array_equal(before, seen.image[seen.box.slices])
    expected = np.clip(before + figures.ADDED * (values - 128) / 127, 0, 255)
    assert np.abs(after - expected).max() <= 1
    assert "projection (guided)" in words(figure)
    expect_tidy(figure)


def patches(count: int, side: int) -> list[Patch]:
    rng = np.random.default_rng(1)
    return [
        Patch(
            rng.integers(0, 256, (side, side, 3), dtype=np.uint8),
            rng.normal(size=(side, side, 3)).astype(np.float32),
            float(30 - k),
        )
        for k in range(count)
    ]


@pytest.mark.parametrize(("count", "side"), [(9, 27), (1, 7), (4, 64), (6, 40), (25, 11)])
def test_a_feature_sheet_shows_patches_beside_their_projections(count, side):
    sheet = [(k, patches(count, side)) for k in range(10)] + [(10, []), (11, patches(1, side))]
    figure = figures.features(sheet, "title", "note")
    drawn = shown(figure)
    assert len(drawn) == 22
    assert np.array_equal(drawn[0][:side, :side], sheet[0][1][0].image)
    values = sheet[0][1][0].projection
    projected = figures.contrast(values, figures.far(values))
    assert np.array_equal(drawn[1][:side, :side], projected)
    said = words(figure)
    assert "channel 10: silent" in said
    assert "channel 11: 30" in said
    assert ("channel 0: 30" if count == 1 else f"channel 0: 30 to {31 - count}") in said
    expect_tidy(figure)


def test_a_sheet_of_silent_channels_is_a_sheet():
    figure = figures.features([(0, []), (1, [])], "title", "note")
    assert not shown(figure)
    assert "channel 1: silent" in words(figure)


@pytest.mark.parametrize("shape", [(64, 64), (64, 20), (9, 64)])
def test_a_grid_shows_pictures_beside_their_projections(shape):
    image = picture(3, 100, 100)[: shape[0], : shape[1]]
    values = np.ones((*shape, 3), np.float32)
    pairs = [figures.Pair(image, values, f"0.{k}, labelled negative") for k in range(12)]
    figure = figures.grid(pairs, "title", "note")
    drawn = shown(figure)
    assert np.array_equal(drawn[0], image)
    assert (drawn[1] == 255).all()
    assert len(drawn) == 24
    expect_tidy(figure)


def test_pages_bear_any_title_and_any_reader_s_settings(tmp_path, seen, projections):
    figure = figures.rules(seen, projections, PREPROCESSING, HOSTILE, HOSTILE)
    expect_tidy(figure)
    plain = pages.save(figure, tmp_path / "plain.png").read_bytes()
    with matplotlib.rc_context({"font.size": 30, "savefig.facecolor": "red", "figure.dpi": 30}):
        other = figures.rules(seen, projections, PREPROCESSING, HOSTILE, HOSTILE)
        assert pages.save(other, tmp_path / "other.png").read_bytes() == plain
    assert r"$x^2$ $\frac{a}{$ <b>\n\udcff" in words(figure)[0]
    assert "…" in words(figure)[0]


def test_a_narrow_picture_fits_the_page(model):
    for shape in ((200, 3), (3, 200)):
        seen = view(picture(4, 210, 210)[: shape[0], : shape[1]], PREPROCESSING)
        found = [deconvnet(model, seen.x, "fc8", 1, rule=rule) for rule in RULES]
        expect_tidy(figures.rules(seen, found, PREPROCESSING, "title", "note"))


# Commands -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen pictures of two shapes."""
    folder = tmp_path_factory.mktemp("set")
    items = []
    for number in range(14):
        path = folder / f"{number}.png"
        Image.fromarray(picture(number, *((60, 90), (80, 50))[number % 2])).save(path)
        sha = read(path).sha256
        items.append(Item(path.name, str(sha), number % 2, "drawn", "CC0", str(number), "test"))
    write_manifest(folder / "set.csv", items)
    return folder / "set.csv"


def test_deconv_draws_the_class_by_three_rules(skindeep, tmp_path, manifest, checkpoint, model):
    image = manifest.parent / "0.png"
    status, out, err = skindeep(
        "convnet", "deconv", image, "--model", checkpoint, "--out", tmp_path / "a"
    )
    assert (status, err) == (0, "")
    logit = model.net(view(read(image).image, PREPROCESSING).x)[0, 1].item()
    assert out.splitlines() == [
        f"{model.name} gives the class positive a logit of {logit:.3g}.",
        str(tmp_path / "a" / "rules.png"),
        str(tmp_path / "a" / "projection.png"),
    ]
    status, again, _ = skindeep(
        "convnet", "deconv", image, "--model", checkpoint, "--class", "positive",
        "--out", tmp_path / "b",
    )  # fmt: skip
    assert again.splitlines()[0] == out.splitlines()[0]
    for name in ("rules.png", "projection.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    with Image.open(tmp_path / "a" / "rules.png") as drawn:
        assert drawn.size == (2666, 1500)
    skindeep(
        "convnet", "deconv", image, "--model", checkpoint, "--rule", "guided",
        "--out", tmp_path / "b",
    )  # fmt: skip
    for name, same in (("rules.png", True), ("projection.png", False)):
        drawn = [(tmp_path / folder / name).read_bytes() for folder in "ab"]
        assert (drawn[0] == drawn[1]) is same
    _, other, _ = skindeep(
        "convnet", "deconv", image, "--model", checkpoint, "--class", "negative",
        "--out", tmp_path / "b",
    )  # fmt: skip
    logit = model.net(view(read(image).image, PREPROCESSING).x)[0, 0].item()
    assert f" the class negative a logit of {logit:.3g}." in other
    assert (tmp_path / "a" / "rules.png").read_bytes() != (
        tmp_path / "b" / "rules.png"
    ).read_bytes()


def test_deconv_draws_a_channel(skindeep, tmp_path, manifest, checkpoint, model):
    image = manifest.parent / "1.png"
    status, out, err = skindeep(
        "convnet", "deconv", image, "--model", checkpoint, "--layer", "pool2", "--channel", 5,
        "--out", tmp_path,
    )  # fmt: skip
    assert (status, err) == (0, "")
    found = deconvnet(model, view(read(image).image, PREPROCESSING).x, "pool2", 5)
    row, column = found.unit
    expected = f"activation {found.activation:.3g}, strongest in row {row}, column {column}"
    assert expected in out.splitlines()[0]


def test_deconv_explains_open_nsfw(skindeep, tmp_path, manifest):
    status, out, err = skindeep(
        "convnet", "deconv", manifest.parent / "2.png", "--out", tmp_path, "--rule", "gradient"
    )
    assert (status, err) == (0, "")
    assert out.startswith("open_nsfw gives the class positive a logit of ")
    assert (tmp_path / "rules.png").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--layer", "conv3"), "expected --layer and --channel, or --class, got --layer"),
        (("--channel", 3), "expected --layer and --channel, or --class, got --channel"),
        (
            ("--layer", "conv3", "--channel", 3, "--class", "positive"),
            "expected --layer and --channel, or --class, got --layer and --channel and --class",
        ),
        (("--layer", "conv9", "--channel", 3), "expected a layer of the net, such as conv"),
        (("--layer", "conv3", "--channel", 64), "expected a channel from 0 to 63, got 64"),
    ],
)
def test_deconv_says_on_one_line_what_is_wrong(
    skindeep, tmp_path, manifest, checkpoint, options, message
):
    status, out, err = skindeep(
        "convnet", "deconv", manifest.parent / "0.png", "--model", checkpoint,
        "--out", tmp_path / "out", *options,
    )  # fmt: skip
    assert (status, out) == (2, "")
    assert err.startswith(f"skindeep: {message}")
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_commands_refuse_what_is_no_picture(skindeep, tmp_path, manifest, checkpoint):
    status, _, err = skindeep(
        "convnet", "deconv", manifest, "--model", checkpoint, "--out", tmp_path
    )
    assert status == 2
    assert err.startswith(f"skindeep: expected a picture, got {manifest}: unsupported; ")
    items = [Item("gone.png", "0" * 64, 1, "", "", "g", "test")]
    write_manifest(tmp_path / "gone.csv", items)
    for command in (("features", "--layer", "conv1"), ("grid",)):
        status, _, err = skindeep(
            "convnet", *command, tmp_path / "gone.csv", "--model", checkpoint, "--out", tmp_path
        )
        assert status == 2
        assert err.startswith(f"skindeep: expected a picture, got {tmp_path / 'gone.png'}: ")


def test_features_draws_a_sheet_for_every_twelve_channels(skindeep, tmp_path, manifest, checkpoint):
    status, out, err = skindeep(
        "convnet", "features", manifest, "--model", checkpoint, "--layer", "conv1",
        "--out", tmp_path,
    )  # fmt: skip
    assert (status, err) == (0, "")
    names = ["filters.png", "conv1-001.png", "conv1-002.png"]  # of sixteen channels
    assert out.splitlines() == [str(tmp_path / name) for name in names]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)
    first = (tmp_path / "conv1-001.png").read_bytes()
    skindeep(
        "convnet", "features", manifest, "--model", checkpoint, "--layer", "conv1",
        "--out", tmp_path, "--top", 1,
    )  # fmt: skip
    assert (tmp_path / "conv1-001.png").read_bytes() != first


def test_patches_are_of_active_units_alone(manifest, model):
    best = Strongest(
        np.array([[3.0, 1.0, 0.0], [0.0, 0.0, 0.0]], np.float32),
        np.array([[2, 0, 1], [0, 1, 2]]),
        np.array([[[1, 2], [0, 0], [0, 0]], [[0, 0]] * 3]),
    )
    paths = [manifest.parent / f"{k}.png" for k in range(3)]
    (first, patches_), (second, none) = sheet_of(model, "relu2", (0, 1), best, paths)
    assert (first, second, len(none)) == (0, 1, 0)
    for found, number, unit in zip(patches_, (2, 0), ((1, 2), (0, 0)), strict=True):
        expected = patch(model, view(read(paths[number]).image, PREPROCESSING), "relu2", 0, unit)
        assert np.array_equal(found.image, expected.image)
        assert np.array_equal(found.projection, expected.projection)


def test_features_knows_its_layers(skindeep, tmp_path, manifest, checkpoint):
    status, _, err = skindeep(
        "convnet", "features", manifest, "--model", checkpoint, "--layer", "conv", "--out", tmp_path
    )
    assert status == 2
    assert err.startswith("skindeep: expected a layer of the net, such as conv")
    assert not list(tmp_path.iterdir())


def test_grid_shows_the_highest_scores(
    skindeep, tmp_path, manifest, checkpoint, model, monkeypatch
):
    drawn = []
    real = figures.grid
    monkeypatch.setattr(figures, "grid", lambda *args: drawn.append(args) or real(*args))
    status, out, err = skindeep(
        "convnet", "grid", manifest, "--model", checkpoint, "--out", tmp_path
    )
    assert (status, err) == (0, "")
    assert out.splitlines() == [str(tmp_path / "grid.png")]
    images = [read(manifest.parent / f"{k}.png").image for k in range(14)]
    scores = model.score(images)
    order = np.argsort(-scores, kind="stable")[:12]
    ((pairs, title, _),) = drawn
    assert title.endswith("the 12 highest scores of 14 pictures")
    kinds = ("negative", "positive")
    assert [p.words for p in pairs] == [f"{scores[k]:.3f}, labelled {kinds[k % 2]}" for k in order]
    best = view(images[order[0]], PREPROCESSING)
    found = deconvnet(model, best.x, "fc8", 1)
    expected = in_rgb(found.pixels, PREPROCESSING)[best.box.slices]
    assert np.array_equal(pairs[0].values, expected)
    assert np.array_equal(pairs[0].picture, best.image[best.box.slices])

#!/usr/bin/env python3
"""Makes pictures of known digits, as people have them, and pictures of none:

    make.py MNIST OUTPUT [SET...]

Each set is a folder with pictures and truth.tsv: a file, its kind and its digits in reading order. Needs NumPy, SciPy and
Pillow, scikit-learn for `optdigits`, and fonts of the system for `fonts` and `nothing`. The same pictures every time.
"""
import gzip
import pathlib
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

PAGES = {"easy": 60, "medium": 60, "hard": 60}
SINGLES = 40
FONTS = (
    "Lato-Regular Roboto-Regular RobotoCondensed-Bold ComicNeue-Regular ComicNeue-Bold Cantarell-Regular "
    "LiberationSerif-Regular LiberationSans-Bold LiberationMono-Regular LiberationSansNarrow-Italic DejaVuSans "
    "DejaVuSerif-Italic DejaVuSansMono-Bold OldStandard-Regular lobster femkeklaver dkg breipfont Rufscript010 "
    "Quattrocento-Regular LinLibertine_R LinBiolinum_RB Junction Isabella Humor-Sans FreeSerifItalic FreeSansBold FreeMono"
).split()
# Without those that also are digits: I, l, O, o, S, s, Z, z, B, b, g, q, y and the like.
LETTERS = "ACDEFGHKLMNPQRTUVWXYadefhkmnprtuvwx"


def mnist(folder, name):
    path = next(pathlib.Path(folder).glob(f"*{name}*"))
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


class Digits:
    """MNIST's test digits, drawn at any height with a sharp edge."""

    def __init__(self, folder):
        self.images = np.frombuffer(mnist(folder, "t10k-images")[16:], np.uint8).reshape(-1, 28, 28)
        self.labels = np.frombuffer(mnist(folder, "t10k-labels")[8:], np.uint8)

    def stroke(self, index, height, weight=0.5):
        """A mask of digit `index`: the greater `weight`, the thinner."""
        grey = ndimage.zoom(self.images[index] / 255, height / 20, order=3)
        mask = ndimage.gaussian_filter(grey, height / 40) > weight
        rows, columns = np.where(mask)
        return mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].astype(float)


class Folder:
    """A folder of pictures and what is on them."""

    def __init__(self, output, name):
        self.path = pathlib.Path(output) / name
        self.path.mkdir(parents=True, exist_ok=True)
        self.truth = open(self.path / "truth.tsv", "w")

    def add(self, name, kind, digits, picture, **options):
        if not isinstance(picture, Image.Image):
            picture = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
        picture.save(self.path / name, **options)
        self.truth.write(f"{name}\t{kind}\t{digits}\n")


def paste(canvas, mask, top, left):
    part = canvas[top : top + mask.shape[0], left : left + mask.shape[1]]
    np.maximum(part, mask[: part.shape[0], : part.shape[1]], out=part)


def paper(rng, height, width, hardness):
    """Light on a sheet: a gradient, and from hardness 1 on a shadow, whose edge is hard from 2 on."""
    y, x = np.mgrid[:height, :width]
    angle = rng.uniform(0, 2 * np.pi)
    slope = rng.uniform(0, 0.25 + 0.1 * hardness)
    light = rng.uniform(110, 235) * (1 + slope * (np.cos(angle) * x / width + np.sin(angle) * y / height - 0.5))
    if hardness:
        centre = rng.uniform(0, height), rng.uniform(0, width)
        shadow = np.hypot(y - centre[0], x - centre[1]) < width * rng.uniform(0.2, 0.5)
        soft = ndimage.gaussian_filter(shadow.astype(float), width * (0.02 if hardness == 1 else 0.004))
        light *= 1 - rng.uniform(0.1, 0.2 + 0.15 * hardness) * soft
    return light


def writing(rng, digits, height, width):
    """One to three rows of digits: the mask, and what they are."""
    ink, rows = np.zeros((height, width)), 1 if rng.uniform() < 0.6 else int(rng.integers(2, 4))
    size = max(22, int(min(width / 14, height / (rows * 2.2)) * rng.uniform(0.5, 1.1)))
    weight, top, truth = rng.choice([0.62, 0.5, 0.35]), height * rng.uniform(0.1, 0.25), []
    for row in range(rows):
        left, slope, text = width * rng.uniform(0.03, 0.12), rng.uniform(-0.06, 0.06), ""
        for _ in range(int(rng.integers(1, 11))):
            index = int(rng.integers(len(digits.labels)))
            mask = digits.stroke(index, int(size * rng.uniform(0.8, 1.2)), weight)
            y = int(top + row * size * 2.1 + slope * left + rng.uniform(-0.1, 0.1) * size)
            if left + mask.shape[1] > width - 4 or y < 2 or y + mask.shape[0] > height - 4:
                break
            paste(ink, mask, y, int(left))
            text += str(digits.labels[index])
            left += mask.shape[1] + size * rng.uniform(0.2, 1)
        truth += [text] if text else []
    return ink, size, " ".join(truth)


def dirt(rng, picture, size, hardness):
    """Specks, a dash at the border; ruled or squared paper from hardness 1 on; the table beside the sheet at 2."""
    height, width = picture.shape
    for _ in range(int(rng.integers(0, 12))):
        y, x = int(rng.uniform(0, height - 4)), int(rng.uniform(0, width - 4))
        picture[y : y + int(rng.integers(1, 4)), x : x + int(rng.integers(1, 4))] *= 0.6
    if hardness == 2 and rng.uniform() < 0.5:
        edge = int(width * rng.uniform(0.02, 0.1))
        picture[:, -edge:] = rng.uniform(20, 70) + 4 * rng.standard_normal((height, edge))
    if rng.uniform() < 0.3:
        picture[int(height * 0.8) : int(height * 0.8) + 4, : int(width * 0.05)] *= 0.4
    if hardness and rng.uniform() < 0.4:
        step = int(size * rng.uniform(0.6, 1.3))
        picture[::step] *= 0.88
        if rng.uniform() < 0.5:
            picture[:, ::step] *= 0.88


def pages(digits, folder):
    """Photographs of sheets of paper."""
    for hardness, (kind, count) in enumerate(PAGES.items()):
        for index in range(count):
            rng = np.random.default_rng([hardness, index])
            width = int(rng.choice([640, 900, 1280, 2000]))
            height = int(width * rng.choice([0.56, 0.75, 1.2]))
            ink, size, truth = writing(rng, digits, height, width)
            ink = ndimage.gaussian_filter(ink, rng.uniform(0.6, 1.8))
            grain = ndimage.gaussian_filter(rng.standard_normal((height, width)), 1.5)
            picture = paper(rng, height, width, hardness) * (1 - rng.uniform(0.35, 0.85) * (1 - 0.25 * grain) * ink)
            noise = ndimage.gaussian_filter(rng.standard_normal((height, width)), 0.8)
            picture += noise * rng.uniform(1.5, 7 + 5 * hardness)
            dirt(rng, picture, size, hardness)
            folder.add(f"{kind}-{index:02}.jpg", kind, truth, picture, quality=int(rng.integers(60, 95)))


def single(rng, kind, digits, index):
    """The mask of one digit on a canvas, 1 is ink."""
    edge = {"tiny": 600, "28 x 28": 28, "64 x 64": 64}.get(kind, 280)
    height = {"tiny": 40, "28 x 28": 20, "64 x 64": int(rng.integers(20, 50)), "filling": 270}.get(kind, 200)
    mask = digits.stroke(index, height)
    if kind == "thick":
        mask = ndimage.binary_dilation(np.pad(mask, 10), iterations=int(rng.integers(4, 9))).astype(float)
    mask = mask[:edge, :edge]
    canvas, free = np.zeros((edge, edge)), (edge - mask.shape[0], edge - mask.shape[1])
    if kind in ("tiny", "64 x 64", "off centre"):
        paste(canvas, mask, int(rng.uniform(0, free[0])), int(rng.uniform(0, free[1])))
    else:
        paste(canvas, mask, free[0] // 2, free[1] // 2)
    return ndimage.gaussian_filter(canvas, 0.6)


def singles(digits, folder):
    """One digit as paint programs, scanners and crops have it."""
    kinds = (
        "black on white, white on black, transparent, thick, tiny, filling, frame, inset frame, noise, grid lines, faint, "
        "shade, off centre, 28 x 28, 64 x 64, turned by EXIF, colours"
    ).split(", ")
    for number, kind in enumerate(kinds):
        for count in range(SINGLES):
            rng = np.random.default_rng([number, count])
            index = int(rng.integers(len(digits.labels)))
            ink = single(rng, kind, digits, index)
            edge, noise = len(ink), rng.standard_normal(ink.shape)
            grey, name, options = 255 * (1 - ink), f"{kind.replace(' ', '-')}-{count:02}.png", {}
            if kind == "white on black":
                grey = 255 - grey
            elif kind == "frame":
                grey[:3] = grey[-3:] = grey[:, :3] = grey[:, -3:] = 0
            elif kind == "inset frame":
                inner = grey[10:-10, 10:-10].copy()
                grey[8:-8, 8:-8] = 30
                grey[10:-10, 10:-10] = inner
            elif kind == "noise":
                grey = 200 - 140 * ink + 18 * noise
            elif kind == "grid lines":
                grey = 90 - 50 * ink + 4 * noise
                grey[:, 12:14] -= 12
                grey[-10:-8] -= 14
            elif kind == "faint":
                grey = 200 - 35 * ink + 2 * noise
            elif kind == "shade":
                grey = (230 - 90 * np.arange(edge) / edge) * (1 - 0.6 * ink) + 5 * noise
            picture = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
            if kind == "transparent":
                tone = np.full(ink.shape, 255 * (count % 2), np.uint8)
                picture = Image.fromarray(np.dstack([tone] * 3 + [(255 * ink).astype(np.uint8)]))
            elif kind == "turned by EXIF":
                orientation, name = 1 + count % 8, name.replace(".png", ".jpg")
                turns = {2: [0], 3: [3], 4: [1], 5: [5], 6: [2], 7: [6], 8: [4]}.get(orientation, [])
                for turn in turns:
                    picture = picture.transpose(Image.Transpose(turn))
                exif = Image.Exif()
                exif[274] = orientation
                options = {"exif": exif, "quality": 90}
            elif kind == "colours":
                pen, sheet = rng.integers(0, 110, 3), rng.integers(170, 256, 3)
                picture = Image.fromarray((sheet + (pen - sheet) * ink[..., None]).astype(np.uint8))
            folder.add(name, kind, digits.labels[index], picture, **options)


def font_files():
    files = {path.stem: path for path in pathlib.Path("/usr/share/fonts").rglob("*.[ot]tf")}
    return [(name, files[name]) for name in FONTS if name in files]


def text(string, path, size):
    font = ImageFont.truetype(str(path), size)
    left, top, right, bottom = font.getbbox(string)
    picture = Image.new("L", (right - left + size, bottom - top + size), 255)
    ImageDraw.Draw(picture).text((size // 2 - left, size // 2 - top), string, font=font, fill=0)
    return picture


def fonts(_, folder):
    """The ten digits on a line in each font, spaced so that none touch."""
    for name, path in font_files():
        for size in (32, 96):
            folder.add(f"{name}-{size}.png", "printed", "0123456789", text("  ".join("0123456789"), path, size))


def nothing(_, folder):
    """What is no digit: letters, noise, blank sheets, scribbles and shapes."""
    for index, letter in enumerate(LETTERS):
        for number, (_, path) in enumerate(font_files()[:: 3]):
            folder.add(f"letter-{index:02}-{number}.png", "letter", "", text(letter, path, 160))
    for index in range(100):
        rng = np.random.default_rng([9, index])
        noise = ndimage.gaussian_filter(rng.standard_normal((240, 320)), [0.4, 1, 3, 8][index % 4])
        folder.add(f"noise-{index:02}.png", "noise", "", 128 + 40 * noise / noise.std())
        sheet = paper(rng, 480, 640, index % 2) + 3 * rng.standard_normal((480, 640))
        folder.add(f"blank-{index:02}.jpg", "blank sheet", "", sheet)
        picture = Image.new("L", (280, 280), 255)
        points = [tuple(int(v) for v in rng.integers(30, 250, 2)) for _ in range(int(rng.integers(5, 12)))]
        ImageDraw.Draw(picture).line(points, fill=0, width=int(rng.integers(8, 20)), joint="curve")
        folder.add(f"scribble-{index:02}.png", "scribble", "", picture)


def optdigits(_, folder):
    """UCI's test digits, 8 x 8, light on dark."""
    from sklearn.datasets import load_digits

    data = load_digits()
    for index, (image, label) in enumerate(zip(data.images, data.target)):
        folder.add(f"{index:04}.png", "optdigits", label, np.round(image * 255 / 16))


def tight(digits, folder):
    """MNIST's digits cropped and scaled to 16 x 16, which they fill as USPS's do."""
    for index in range(2000):
        image = digits.images[index]
        rows, columns = np.where(image > 40)
        crop = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        scale = 16 / max(crop.shape)
        size = max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale))
        picture = Image.new("L", (16, 16))
        picture.paste(Image.fromarray(crop).resize(size, Image.Resampling.BICUBIC), ((16 - size[0]) // 2, (16 - size[1]) // 2))
        folder.add(f"{index:04}.png", "16 x 16, filled", digits.labels[index], picture)


SETS = {function.__name__: function for function in (pages, singles, fonts, nothing, optdigits, tight)}


def main():
    if len(sys.argv) < 3 or not set(sys.argv[3:]) <= set(SETS):
        sys.exit(f"{__doc__}\nSets: {', '.join(SETS)}")
    digits = Digits(sys.argv[1])
    for name in sys.argv[3:] or SETS:
        SETS[name](digits, Folder(sys.argv[2], name))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes the pictures beside this file, and expected.tsv: what is to be seen on them.

PNG files are written here by hand (https://www.w3.org/TR/png-3), from values that are known; JPEG files by Pillow, which
also decodes them to colours. A line of the table: file, rows, columns, how far a value may be off, grey values in
hexadecimal. The bound is that of rounding, in units of grey:
- 0 for PNG of 8 bits or fewer: the reader has the same integers.
- 1 for PNG of 16 bits: each colour is rounded to 8 bits, by 1/2 at most and so the luma, which is rounded again.
- 1 for JPEG: the reader has the luma itself, the table colours that are rounded from it. No colour is clipped.
"""
import io
import pathlib
import struct
import zlib

from PIL import Image

FOLDER = pathlib.Path(__file__).parent
HEIGHT, WIDTH = 5, 7
TABLE = {}


def luma(red, green, blue, opacity=255):
    """As `GreyPicture(rgba:size:)` defines it, in fractions; colours of 0 to 255."""
    grey = (299 * red + 587 * green + 114 * blue) / 1000
    return int((opacity * grey + (255 - opacity) * 255) / 255 + 0.5)


def keep(name, data, height, width, bound, grey):
    (FOLDER / name).write_bytes(data)
    TABLE[name] = f"{name}\t{height}\t{width}\t{bound}\t{bytes(grey).hex()}"


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def scanlines(rows, depth):
    """Each with filter 0; `rows` of pixels that are tuples of samples."""
    data = b""
    for row in rows:
        samples = [sample for pixel in row for sample in pixel]
        bits = "".join(f"{sample:0{depth}b}" for sample in samples)
        bits += "0" * (-len(bits) % 8)
        data += b"\0" + bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    return data


def png(rows, colour_type, depth, interlaced=False, chunks=()):
    height, width = len(rows), len(rows[0])
    data = scanlines(rows, depth)
    if interlaced:
        passes = [[row[x::dx] for row in rows[y::dy]] for y, x, dy, dx in PASSES]
        data = b"".join(scanlines(part, depth) for part in passes if part and part[0])
    header = struct.pack(">2I5B", width, height, depth, colour_type, 0, 0, int(interlaced))
    before = b"".join(chunk(*one) for one in chunks)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def rows_of(channels, depth, step=37):
    """Values that go through the whole range."""
    values = iter(range(0, HEIGHT * WIDTH * channels * step + 1, step))
    scale = 257 if depth == 16 else 1
    return [
        [tuple(next(values) * scale * 7 // 5 % (1 << depth) for _ in range(channels)) for _ in range(WIDTH)]
        for _ in range(HEIGHT)
    ]


def eight(sample, depth):
    return sample * 255 / ((1 << depth) - 1)


GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
NAMES = {GREY: "grey", RGB: "rgb", PALETTE: "palette", GREY_ALPHA: "grey-alpha", RGBA: "rgba"}
COLOURS = [(i * 53 % 256, i * 101 % 256, i * 197 % 256) for i in range(256)]
OPACITIES = [255, 0, 128, 17]


def seen(pixel, colour_type, depth):
    if colour_type == PALETTE:
        opacity = OPACITIES[pixel[0]] if pixel[0] < min(len(OPACITIES), 1 << depth) else 255
        return luma(*COLOURS[pixel[0]], opacity)
    values = [eight(sample, depth) for sample in pixel]
    if colour_type in (GREY, GREY_ALPHA):
        values = [values[0]] * 3 + values[1:]
    return luma(*values)


def make_png():
    kinds = [(GREY, depth) for depth in (1, 2, 4, 8, 16)] + [(PALETTE, depth) for depth in (1, 2, 4, 8)]
    kinds += [(kind, depth) for kind in (RGB, GREY_ALPHA, RGBA) for depth in (8, 16)]
    for kind, depth in kinds:
        rows = rows_of(CHANNELS[kind], depth)
        chunks = []
        if kind == PALETTE:
            chunks = [
                (b"PLTE", b"".join(bytes(colour) for colour in COLOURS[: 1 << depth])),
                (b"tRNS", bytes(OPACITIES[: 1 << depth])),
            ]
        grey = [seen(pixel, kind, depth) for row in rows for pixel in row]
        for interlaced in (False, True):
            name = f"{NAMES[kind]}-{depth}{'-interlaced' if interlaced else ''}.png"
            keep(name, png(rows, kind, depth, interlaced, chunks), HEIGHT, WIDTH, int(depth == 16), grey)
    for depth in (2, 8, 16):
        rows = rows_of(1, depth)
        clear = rows[1][1]
        grey = [255 if pixel == clear else seen(pixel, GREY, depth) for row in rows for pixel in row]
        data = png(rows, GREY, depth, chunks=[(b"tRNS", struct.pack(">H", *clear))])
        keep(f"grey-{depth}-trns.png", data, HEIGHT, WIDTH, int(depth == 16), grey)
    rows = rows_of(3, 8)
    clear = rows[2][3]
    grey = [255 if pixel == clear else seen(pixel, RGB, 8) for row in rows for pixel in row]
    keep("rgb-8-trns.png", png(rows, RGB, 8, chunks=[(b"tRNS", struct.pack(">3H", *clear))]), HEIGHT, WIDTH, 0, grey)
    keep("1x1.png", png([[(77,)]], GREY, 8), 1, 1, 0, [77])
    rows = rows_of(1, 8)
    grey = [pixel[0] for row in rows for pixel in row]
    # What is common and harmless: no profile but text, a chunk that nobody knows, a comment.
    keep("bad-iccp.png", png(rows, GREY, 8, chunks=[(b"iCCP", b"icc\0\0" + zlib.compress(b"no profile"))]), HEIGHT, WIDTH, 0, grey)
    keep("unknown-chunk.png", png(rows, GREY, 8, chunks=[(b"xyZz", b"1"), (b"tEXt", b"Comment\0a")]), HEIGHT, WIDTH, 0, grey)


def saved(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", optimize=True, **options)
    return out.getvalue()


def decoded(data):
    """The luma of what Pillow decodes: of CMYK by (1 - c) (1 - k)."""
    image = Image.open(io.BytesIO(data))
    pixels = list(image.get_flattened_data())
    if image.mode == "L":
        return pixels
    if image.mode == "CMYK":
        return [luma(*((255 - ink) * (255 - pixel[3]) / 255 for ink in pixel[:3])) for pixel in pixels]
    return [luma(*pixel) for pixel in pixels]


def picture(height, width):
    """Moderate colours, in even slopes."""
    image = Image.new("RGB", (width, height))
    image.putdata([(60 + 12 * x, 190 - 11 * y, 90 + 5 * x + 4 * y) for y in range(height) for x in range(width)])
    return image


def segments(data):
    """(marker, all of it) up to the scan, then the rest."""
    at, parts = 2, []
    while data[at + 1] != 0xDA:
        length = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        parts.append((data[at + 1], data[at : at + length]))
        at += length
    return parts, data[at:]


def rebuilt(parts, rest):
    return b"\xff\xd8" + b"".join(part for _, part in parts) + rest


def as_ycck(data):
    """The same coefficients under another name: Adobe's transform 2 says that the first three are Y, Cb and Cr."""
    parts, rest = segments(data)
    return rebuilt([(m, p[:-1] + b"\2") if m == 0xEE else (m, p) for m, p in parts], rest)


def exif(orientation, order):
    """A TIFF of one entry: 0x0112, SHORT, one."""
    byte_order, name = {"little": ("<", b"II"), "big": (">", b"MM")}[order]
    entry = struct.pack(byte_order + "HHIHH", 0x112, 3, 1, orientation, 0)
    return name + struct.pack(byte_order + "HIH", 42, 8, 1) + entry + struct.pack(byte_order + "I", 0)


# Where the pixel that is seen at (y, x) stands in the file, of h x w pixels (EXIF 2.3, 4.6.4 A).
STORED = {
    1: lambda y, x, h, w: (y, x), 2: lambda y, x, h, w: (y, w - 1 - x),
    3: lambda y, x, h, w: (h - 1 - y, w - 1 - x), 4: lambda y, x, h, w: (h - 1 - y, x),
    5: lambda y, x, h, w: (x, y), 6: lambda y, x, h, w: (h - 1 - x, y),
    7: lambda y, x, h, w: (h - 1 - x, w - 1 - y), 8: lambda y, x, h, w: (x, w - 1 - y),
}


def turned(grey, height, width, orientation):
    shown = (width, height) if orientation >= 5 else (height, width)
    places = [STORED[orientation](y, x, height, width) for y in range(shown[0]) for x in range(shown[1])]
    return *shown, [grey[y * width + x] for y, x in places]


def make_jpeg():
    image = picture(9, 13)
    for name, shown, options in [
        ("grey", image.convert("L"), {}), ("444", image, {"subsampling": 0}), ("422", image, {"subsampling": 1}),
        ("420", image, {"subsampling": 2}), ("progressive", image, {"progressive": True}),
        ("rgb", image, {"keep_rgb": True}), ("1x1", picture(1, 1), {}), ("restart", picture(9, 29), {"restart_marker_blocks": 1}),
    ]:
        data = saved(shown, quality=90, **options)
        keep(f"{name}.jpg", data, shown.height, shown.width, 1, decoded(data))

    inks = Image.new("CMYK", (13, 9))
    inks.putdata([(20 + 9 * x, 150 - 12 * y, 40 + 5 * x, 6 * y + 4 * x) for y in range(9) for x in range(13)])
    cmyk = saved(inks, quality=95)
    keep("cmyk-adobe.jpg", cmyk, 9, 13, 1, decoded(cmyk))
    # Flat, since what YCCK makes of the coefficients is not a picture: c, m and y are what 255 - RGB of Y, Cb and Cr are.
    flat = saved(Image.new("CMYK", (8, 8), (100, 120, 130, 60)), quality=100)
    ycck = as_ycck(flat)
    keep("ycck-adobe.jpg", ycck, 8, 8, 1, decoded(ycck))
    parts, rest = segments(cmyk)
    plain = rebuilt([(m, p) for m, p in parts if m != 0xEE], rest)
    stored = [tuple(255 - ink for ink in pixel) for pixel in Image.open(io.BytesIO(cmyk)).get_flattened_data()]
    keep(
        "cmyk-plain.jpg", plain, 9, 13, 1,
        [luma(*((255 - ink) * (255 - pixel[3]) / 255 for ink in pixel[:3])) for pixel in stored])


def make_exif():
    grey = picture(8, 16).convert("L")
    data = saved(grey, quality=90)
    rows = rows_of(1, 8)
    values = [pixel[0] for row in rows for pixel in row]
    for orientation in range(1, 9):
        for order in ("little", "big"):
            content = b"Exif\0\0" + exif(orientation, order)
            app1 = b"\xff\xe1" + struct.pack(">H", 2 + len(content)) + content
            height, width, shown = turned(decoded(data), 8, 16, orientation)
            keep(f"exif-{orientation}-{order}.jpg", b"\xff\xd8" + app1 + data[2:], height, width, 1, shown)
        height, width, shown = turned(values, HEIGHT, WIDTH, orientation)
        keep(f"exif-{orientation}.png", png(rows, GREY, 8, chunks=[(b"eXIf", exif(orientation, "big"))]), height, width, 0, shown)


make_png()
make_jpeg()
make_exif()
(FOLDER / "expected.tsv").write_text("".join(line + "\n" for _, line in sorted(TABLE.items())))

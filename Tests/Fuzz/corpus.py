#!/usr/bin/env python3
"""Writes the seed corpora beside this file: small inputs of each kind, good ones and ones with a single fault."""
import gzip
import hashlib
import json
import pathlib
import struct
import zlib

FOLDER = pathlib.Path(__file__).parent / "corpus"


def idx(dimensions, values=None, magic=None):
    """An IDX file of unsigned bytes, its values counted up unless given."""
    count = 1
    for length in dimensions:
        count *= length
    words = [0x800 + len(dimensions) if magic is None else magic, *dimensions]
    return struct.pack(f">{len(words)}I", *words) + (bytes(i % 256 for i in range(count)) if values is None else values)


# The first byte of a seed chooses the rank that is asked for: 1 or 3.
LABELS, IMAGES = b"0", b"1"

FILES = {
    "labels": LABELS + idx([3]),
    "labels-1": LABELS + idx([1]),
    "images": IMAGES + idx([2, 4, 4]),
    "images-1": IMAGES + idx([1, 4, 4]),
    "images-1x1": IMAGES + idx([1, 1, 1]),
    "images-oblong": IMAGES + idx([2, 3, 5]),
    "images-as-labels": LABELS + idx([1, 4, 4]),
    "labels-as-images": IMAGES + idx([3]),
    "dimension-0": IMAGES + idx([0, 28, 28]),
    "dimension-greatest": IMAGES + idx([0xFFFFFFFF] * 3, b""),
    "product-2-31": IMAGES + idx([1 << 11, 1 << 10, 1 << 10], b""),
    "mnist-header": IMAGES + idx([60000, 28, 28], b""),
    "magic-float": IMAGES + idx([1, 1, 1], magic=0xD03),
    "magic-little-endian": LABELS + idx([1], magic=0x01080000),
    "short": IMAGES + idx([1, 4, 4])[:-1],
    "long": IMAGES + idx([1, 4, 4]) + b"\0",
    "header-cut": IMAGES + idx([1, 4, 4])[:9],
    "empty": IMAGES,
    "lfs-pointer": IMAGES + b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
    "html": IMAGES + b"<!DOCTYPE html><html>",
    "csv": LABELS + b"label,1x1\n5,0\n",
    "npz": IMAGES + b"PK\3\4" + bytes(22) + struct.pack("<2H", 5, 0) + b"x.npy",
    "pickle": LABELS + b"\x80\4\x95\0",
    "utf-16": LABELS + "5,0".encode("utf-16"),
    "safetensors": IMAGES + struct.pack("<Q", 2) + b"{}",
}


def member(content, level=9, flags=0, fields=b"", strategy=zlib.Z_DEFAULT_STRATEGY):
    """A gzip member by hand (RFC 1952), with the optional header `fields` that `flags` announce."""
    deflate = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
    body = deflate.compress(content) + deflate.flush()
    header = struct.pack("<4BI2B", 0x1F, 0x8B, 8, flags, 0, 2, 3) + fields
    if flags & 2:
        header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    return header + body + struct.pack("<2I", zlib.crc32(content), len(content))


def changed(data, position, byte):
    data = bytearray(data)
    data[position] = byte
    return bytes(data)


FTEXT, FHCRC, FEXTRA, FNAME, FCOMMENT = 1, 2, 4, 8, 16
EXTRA = struct.pack("<H2BH", 6, 65, 66, 2) + b"xy"
images, labels = idx([2, 4, 4]), idx([3])
GZIP = {
    "labels": LABELS + gzip.compress(labels, mtime=0),
    "images": IMAGES + gzip.compress(images, mtime=0),
    "stored": IMAGES + member(images, level=0),
    "fixed": IMAGES + member(images, strategy=zlib.Z_FIXED),
    "huffman-only": IMAGES + member(images + bytes(100), strategy=zlib.Z_HUFFMAN_ONLY),
    "run-length": IMAGES + member(idx([3, 8, 8], bytes(192)), strategy=zlib.Z_RLE),
    "black": IMAGES + member(idx([16, 28, 28], bytes(16 * 784))),
    "extra": IMAGES + member(images, flags=FEXTRA, fields=EXTRA),
    "name": IMAGES + member(images, flags=FNAME, fields=b"t10k\0"),
    "comment": LABELS + member(labels, flags=FCOMMENT, fields=b"a comment\0"),
    "header-crc": LABELS + member(labels, flags=FHCRC),
    "all-fields": LABELS
    + member(labels, flags=FTEXT | FHCRC | FEXTRA | FNAME | FCOMMENT, fields=EXTRA + b"name\0comment\0"),
    "two-members": LABELS + member(labels[:7]) + member(labels[7:]),
    "empty-second-member": LABELS + member(labels) + member(b""),
    "reserved-flag": LABELS + member(labels, flags=0x20),
    "method-7": LABELS + changed(member(labels), 2, 7),
    "block-type-3": LABELS + changed(member(labels), 10, 7),
    "trailing-zeros": LABELS + member(labels) + bytes(8),
    "crc": LABELS + changed(member(labels), -8, 0),
    "size": LABELS + changed(member(labels), -1, 1),
    "trailer-cut": LABELS + member(labels)[:-3],
    "header-only": IMAGES + member(images)[:10],
    "bomb": IMAGES + member(idx([1, 4, 4]) + bytes(1 << 17)),
    "claims-2-gib": IMAGES + member(idx([1 << 11, 1 << 10, 1 << 10], b"")),
    "empty-content": LABELS + member(b""),
    "gzip-within": LABELS + member(member(labels)),
    "html-within": IMAGES + member(b"<html>not found</html>"),
}


def safetensors(header, data=b"", length=None, pad=True):
    """A safetensors file; `header` is JSON text or what becomes it."""
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    if pad:
        text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(kind, shape, begin, end):
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


SETTINGS = {
    "format": "KernelVLM 1", "image_size": "1", "base_features": "0", "tensor_tokens": "0", "direct": "2:1",
    "width": "1", "heads": "1", "layers": "1", "mlp_ratio": "1", "maximum_text_length": "3", "names": "a",
    "attention": "dot", "gradient": "exact", "reconstruction_weight": "0",
}
COUNTS = {
    "direct.2.0": 1, "direct.2.1": 1, "vision.left": 1, "vision.right": 1, "wte": 3, "wpe": 4,
    "layers.0.attention.wq": 1, "layers.0.attention.wk": 1, "layers.0.attention.wv": 1, "layers.0.attention.wo": 1,
    "layers.0.mlp.fc1": 1, "layers.0.mlp.fc2": 1, "lm_head": 3,
}
ZEROS = bytes(4 * sum(COUNTS.values()))
# Of a training that is done: no moments are asked for.
TRAINING = {
    "steps": "7", "total_steps": "7", "schedule_steps": "7", "batch": "1", "learning_rate": "0.003",
    "schedule": "linear", "warm_up": "0", "beta1": "0.85", "beta2": "0.99", "epsilon": "1e-08", "weight_decay": "0.0",
    "feature_clip": "1.0", "clip": "5.0", "order": "sequential", "seed": "42", "backend": "c", "precision": "float",
    "isa": "avx2", "dataset": "drawn", "train_images_sha256": "0", "weights_sha256": hashlib.sha256(ZEROS).hexdigest(),
}


def checkpoint(metadata):
    """A whole model of one pixel, width 1 and one name: F32 tensors of zeros."""
    header, offset = {"__metadata__": metadata}, 0
    for name, count in COUNTS.items():
        header[name] = tensor("F32", [count, 1], offset, offset + 4 * count)
        offset += 4 * count
    return safetensors(header, ZEROS)


one = tensor("F32", [1], 0, 4)
SAFETENSORS = {
    "empty": safetensors({}),
    "scalar": safetensors({"a": tensor("F32", [], 0, 4)}, bytes(4)),
    "f64": safetensors({"a": tensor("F64", [2], 0, 16)}, bytes(16)),
    "no-values": safetensors({"a": tensor("F32", [0, 3], 0, 0)}),
    "two": safetensors({"b": tensor("F32", [1], 8, 12), "a": tensor("F64", [1, 1], 0, 8)}, bytes(12)),
    "metadata": safetensors({"__metadata__": {"k": "v", "l": ""}, "a": one}, bytes(4)),
    "checkpoint": checkpoint(SETTINGS),
    "training": checkpoint(SETTINGS | TRAINING),
    "settings": safetensors({"__metadata__": {"format": "KernelVLM 1", "image_size": "14", "direct": "2:8\n3:8"}}),
    "name-escapes": safetensors({'"\\/': tensor("F32", [1], 0, 4)}, bytes(4)),
    "metadata-escapes": safetensors(rb'{"__metadata__":{"a\u00e9":"\"\\\/\b\f\n\r\t\u0041\ud83d\ude00"}}'),
    "lone-surrogate": safetensors(rb'{"__metadata__":{"a":"\ud83dx"}}'),
    "utf-8": safetensors('{"__metadata__":{"é☃😀":"é☃😀"}}'.encode()),
    "not-utf-8": safetensors(b'{"__metadata__":{"a":"\xff"}}'),
    "overlong-utf-8": safetensors(b'{"__metadata__":{"a":"\xc0\x80"}}'),
    "whitespace": safetensors(b'{ "a"\t:\n{"dtype" : "F32", "shape" : [ 1 , 1 ] ,\r"data_offsets":[0,4]} }', bytes(4)),
    "twice": safetensors(b'{"a":' + json.dumps(one).encode() + b',"a":' + json.dumps(one).encode() + b"}", bytes(4)),
    "field-twice": safetensors(b'{"a":{"dtype":"F32","dtype":"F32","shape":[],"data_offsets":[0,4]}}', bytes(4)),
    "hole": safetensors({"a": one, "b": tensor("F32", [1], 8, 12)}, bytes(12)),
    "overlap": safetensors({"a": one, "b": tensor("F32", [1], 2, 6)}, bytes(6)),
    "trailing": safetensors({"a": one}, bytes(5)),
    "missing": safetensors({"a": one}, bytes(3)),
    "backwards": safetensors({"a": tensor("F32", [1], 4, 0)}, bytes(4)),
    "three-offsets": safetensors(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,2,4]}}', bytes(4)),
    "greatest": safetensors({"a": tensor("F32", [2**63 - 1], 0, 2**63 - 1)}),
    "product-overflow": safetensors({"a": tensor("F64", [2**32, 2**32], 0, 0)}),
    "past-greatest": safetensors({"a": tensor("F32", [2**63], 0, 4)}, bytes(4)),
    "negative": safetensors(b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', bytes(4)),
    "fraction": safetensors(b'{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4e0]}}', bytes(4)),
    "leading-zero": safetensors(b'{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}', bytes(4)),
    "bf16": safetensors({"a": tensor("BF16", [2], 0, 4)}, bytes(4)),
    "nan": safetensors({"a": one}, struct.pack("<f", float("nan"))),
    "infinity": safetensors({"a": tensor("F64", [1], 0, 8)}, struct.pack("<d", float("inf"))),
    "trailing-comma": safetensors(b'{"__metadata__":{"a":"b",}}'),
    "control": safetensors(b'{"__metadata__":{"a":"\x01"}}'),
    "nested": safetensors(b'{"a":[[[[[[[[]]]]]]]]}'),
    "length-greatest": safetensors({}, length=2**64 - 1),
    "length-long": safetensors({}, length=100),
    "length-0": safetensors(b"", pad=False),
    "cut": safetensors({"a": one})[:20],
    "lfs-pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
    "pytorch": b"PK\3\4" + bytes(22) + struct.pack("<2H", 16, 0) + b"archive/data.pkl",
    "idx": images,
    "json": b'{"a":[1]}',
}

def arguments(line):
    """The words of a line, with a zero byte between them."""
    return line.replace(" ", "\0").encode()


ARGUMENTS = [
    "",
    "--help",
    "--version",
    "help train",
    "train",
    "train --help",
    "train --preset published --seed 4294967295",
    "train --batch 100 --order shuffled --save model.safetensors",
    "train --data drawn --json --profile",
    "train --save a --log a",
    "train --steps=9223372036854775807 --schedule-steps 9223372036854775807 --warm-up 9223372036854775807",
    "train --steps -9223372036854775808",
    "train --steps -1 --batch 65536",
    "train --seed 4294967296",
    "train --learning-rate 1e308 --schedule cosine --beta1 0.9 --beta2 nan",
    "train --weight-decay inf --feature-clip 0 --clip -0.0",
    "train --init numpy --order sequential",
    "train --attention dot --gradient published --recon-weight 0x1p-1074",
    "train --image-size 1024 --base-features 4096 --tensor-tokens 4096",
    "train --image-size 9223372036854775807 --width 9223372036854775807 --mlp-ratio 9223372036854775807",
    "train --direct 2:8,3:8 --width 32 --heads 4 --layers 256 --mlp-ratio 64 --max-text 4096",
    "train --direct 9223372036854775807:9223372036854775807,2:9223372036854775807",
    "train --direct none --tensor-tokens 0",
    "train --direct 2:4096,3:4096,4:4096,2:1",
    "train --heads 0",
    "train --width -32 --heads -4 --attention dot",
    "train --names a,b,c --max-text 3",
    "train --names zero,,two",
    "train --names =",
    "train --names e\u0301,\u00e9",
    "train --names \U0001F468\u200D\U0001F469,\U0001F1E9\U0001F1EA,\u0001",
    "train --save a --save-every 1000",
    "train --save-every 0 --save a",
    "train --resume a --steps 9",
    "train --threads 1024 --isa avx2 --backend c --precision float",
    "train --threads 0",
    "train --precision double --backend reference",
    "train --precision double --backend c",
    "train --isa avx512",
    "evaluate model.safetensors --split train --json",
    "evaluate -- --split",
    "evaluate",
    "see model.safetensors --index 7",
    "see model.safetensors --index=-9223372036854775808",
    "ablate --seeds 10000 --seed 4294967295 --steps 1",
    "ablate --features all degree2 direct tensor --steps 9223372036854775807",
    "ablate --features --json",
    "ablate --seeds 9223372036854775807",
    "data",
    "data fetch --to mnist --mirror https://example.org/mnist/ --mirror b",
    "data info --data drawn --json",
    "data info --data=",
    "trian --stesp 7",
    "--generate-completion-script bash",
    "train --a\nb c\nd",
]

FORMATS = FOLDER.parents[1] / "KernelVLMTests" / "Fixtures" / "PictureFormats"


def stored(png):
    """The same picture, in blocks that are not compressed: there a changed byte is another pixel."""
    at, parts = 8, []
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        content = png[at + 8 : at + 8 + length]
        if kind == b"IDAT":
            content = zlib.compress(zlib.decompress(content), 0)
        parts.append(struct.pack(">I4s", len(content), kind) + content + struct.pack(">I", zlib.crc32(kind + content)))
        at += 12 + length
    return png[:8] + b"".join(parts)


PICTURES = {path.name: path.read_bytes() for path in sorted(FORMATS.glob("*.[jp][pn]g"))}
PICTURES |= {f"stored-{name}": stored(data) for name, data in PICTURES.items() if name.endswith("png")}
# The fuzzer's longest input. Of the orientations, one of each byte order and format does.
PICTURES = {
    name: data
    for name, data in PICTURES.items()
    if len(data) <= 640 and ("exif" not in name or "exif-6" in name)
}


for kind, seeds in {
    "idx": FILES,
    "gzip": GZIP,
    "safetensors": SAFETENSORS,
    "pictures": PICTURES,
    "arguments": {f"{number:02}": arguments(line) for number, line in enumerate(ARGUMENTS)},
}.items():
    (FOLDER / kind).mkdir(parents=True, exist_ok=True)
    for name, content in seeds.items():
        (FOLDER / kind / name).write_bytes(content)

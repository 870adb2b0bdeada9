"""One small valid source per reader: what is written, which of its files is damaged, and how it is read."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

NAMES = [f"{split}{number}" for split in ("train", "val") for number in range(2)]
BOX = (4, 4, 20, 16)


@dataclass(frozen=True)
class Source:
    """A reader with a source for it: `write` returns the path to read and the file to damage."""

    write: object
    read: object


def write_images(folder, suffix=".png"):
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(NAMES):
        pixels = np.full((32, 24, 3), 40 * number + len(folder.parts[-1]), np.uint8)
        # Of the place in the source alone: the split goes by content, and must not change with the temporary folder.
        pixels[:16] = sum("/".join(folder.parts[folder.parts.index("source") :]).encode()) % 251
        Image.fromarray(pixels).save(folder / f"{name}{suffix}")
    return folder


def coco(folder):
    write_images(folder / "images")
    for split in ("train", "val"):
        names = [name for name in NAMES if name.startswith(split)]
        document = {
            "images": [
                {"id": i, "file_name": f"{name}.png", "height": 32, "width": 24}
                for i, name in enumerate(names)
            ],
            "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "bus"}],
            "annotations": [
                {"id": i, "image_id": i, "category_id": 1 + i, "bbox": [4, 4, 16, 12], "iscrowd": 0}
                for i in range(2)
            ],
        }
        (folder / f"instances_{split}.json").write_text(json.dumps(document))
    return folder, folder / "instances_train.json"


def voc(folder):
    write_images(folder / "JPEGImages")
    (folder / "Annotations").mkdir()
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    for name in NAMES:
        box = "<xmin>4</xmin><ymin>4</ymin><xmax>20</xmax><ymax>16</ymax>"
        (folder / "Annotations" / f"{name}.xml").write_text(
            f"<annotation><filename>{name}.png</filename><size><width>24</width><height>32</height><depth>3</depth></size>"
            f"<object><name>car</name><difficult>0</difficult><bndbox>{box}</bndbox></object></annotation>"
        )
    for split in ("train", "val"):
        (folder / "ImageSets" / "Main" / f"{split}.txt").write_text(f"{split}0\n{split}1\n")
    return folder, folder / "Annotations" / "train0.xml"


def voc_list(folder):
    return voc(folder)[0], folder / "ImageSets" / "Main" / "train.txt"


def yolo(folder):
    for split in ("train", "val"):
        write_images(folder / "images" / split)
        (folder / "labels" / split).mkdir(parents=True)
        for name in NAMES:
            (folder / "labels" / split / f"{name}.txt").write_text(
                "0 0.5 0.5 0.25 0.5\n1 0.25 0.25 0.2 0.2\n"
            )
    (folder / "data.yaml").write_text("train: images/train\nval: images/val\nnc: 2\nnames: [car, bus]\n")
    return folder, folder / "labels" / "train" / "train0.txt"


def yolo_config(folder):
    return yolo(folder)[0], folder / "data.yaml"


def kitti(folder):
    write_images(folder / "image_2")
    (folder / "label_2").mkdir()
    for name in NAMES:
        row = "Car 0.00 0 1.5 4.0 4.0 20.0 16.0 1.5 1.6 3.9 1 1 9 0.1\n"
        (folder / "label_2" / f"{name}.txt").write_text(row)
    return folder, folder / "label_2" / "train0.txt"


def box_csv(folder):
    write_images(folder)
    rows = [[f"{name}.png", *BOX, "car"] for name in NAMES]
    with (folder / "roads.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "xmin", "ymin", "xmax", "ymax", "class"], *rows])
    return folder, folder / "roads.csv"


def label_csv(folder):
    write_images(folder)
    rows = [f"{name}.png,{'wet' if number % 2 else 'dry'}\n" for number, name in enumerate(NAMES)]
    (folder / "roads.csv").write_text("path,label\n" + "".join(rows))
    return folder, folder / "roads.csv"


def image_file(suffix):
    def write(folder):
        for split in ("train", "val"):
            for name in ("dry", "damp"):
                write_images(folder / split / name, suffix)
        return folder, folder / "train" / "dry" / f"train0{suffix}"

    return write


def series(rows=40, sensors=3):
    values = 60 + np.random.default_rng(0).normal(0, 8, (rows, sensors)).round(1)
    return np.datetime64("2024-05-06", "m") + 5 * np.arange(rows), values


def wide_csv(folder):
    times, values = series()
    lines = [f"{time},{','.join(map(str, row))}" for time, row in zip(times, values, strict=True)]
    (folder / "town.csv").write_text("\n".join(["time,s0,s1,s2", *lines]) + "\n")
    return folder / "town.csv", folder / "town.csv"


def long_csv(folder):
    times, values = series()
    lines = [
        f"{times[row]};s{s};{values[row, s]}" for row in range(len(times)) for s in range(values.shape[1])
    ]
    (folder / "town.csv").write_text("\n".join(["time;sensor_id;speed", *lines]) + "\n")
    return folder / "town.csv", folder / "town.csv"


def german_csv(folder):
    times, values = series()
    lines = [
        f"{time.item():%d.%m.%Y;%H:%M};{sensor};{str(value).replace('.', ',')}"
        for time, row in zip(times, values, strict=True)
        for sensor, value in zip("abc", row, strict=True)
    ]
    (folder / "town.csv").write_text("\n".join(["Datum;Uhrzeit;station;PM", *lines]) + "\n")
    return folder / "town.csv", folder / "town.csv"


def parts_csv(folder):
    lines = [f"{hour},2012,3,1,{hour},{hour}.5,3" for hour in range(24)]
    (folder / "town.csv").write_text("\n".join(["No,year,month,day,hour,pm2.5,TEMP", *lines]) + "\n")
    return folder / "town.csv", folder / "town.csv"


def pems_text(folder):
    lines = [
        f"{time.item():%m/%d/%Y %H:%M:%S},{station},7,5,S,ML,.27,50,100,{40 + row},.01,65.{row}"
        for row, time in enumerate(series(9)[0])
        for station in (71, 72)
    ]
    (folder / "town.txt").write_text("\n".join(lines) + "\n")
    return folder / "town.txt", folder / "town.txt"


def sidecar(folder):
    path, _ = wide_csv(folder)
    extra = path.with_suffix(".yaml")
    extra.write_text("start: 2024-05-06\nstep: 5min\ntimezone: Europe/Berlin\nunit: km/h\nchannel: speed\n")
    return path, extra


def npz(folder):
    np.savez_compressed(folder / "town.npz", data=series()[1][:, :, None])
    return folder / "town.npz", folder / "town.npz"


def hdf5(folder):
    import h5py

    times, values = series()
    with h5py.File(folder / "town.h5", "w") as file:
        group = file.create_group("df")
        group["axis0"] = np.array([b"s0", b"s1", b"s2"])
        group["axis1"] = times.astype("datetime64[ns]").astype(np.int64)
        group["block0_items"] = group["axis0"][:]
        group.create_dataset("block0_values", data=values, chunks=(8, 3), compression="gzip")
    return folder / "town.h5", folder / "town.h5"


def parquet(folder):
    import pandas

    times, values = series()
    index = pandas.Index(times.astype("datetime64[ns]"), name="time")
    frame = pandas.DataFrame(values, columns=["s0", "s1", "s2"], index=index)
    frame.to_parquet(folder / "town.parquet")
    return folder / "town.parquet", folder / "town.parquet"


def adjacency(folder):
    path, _ = wide_csv(folder)
    (folder / "adjacency.csv").write_text("from,to,cost\ns0,s1,100\ns1,s2,250.5\n")
    return path, folder / "adjacency.csv"


def load_boxes(source):
    from cityzoo.data import image

    image.load(str(source), progress=False)


def load_labels(source):
    from cityzoo.data import image

    image.load(str(source), wants="either", progress=False)


def load_series(source, **options):
    from cityzoo.data.series import load

    load.load_series(str(source), assumed=("2024-05-06", "5min"), **options)


def load_roads(source):
    load_series(source, adjacency=str(Path(source).with_name("adjacency.csv")))


IMAGES = (".jpg", ".png", ".bmp", ".webp", ".tif", ".gif")
SOURCES = {
    "coco": Source(coco, load_boxes),
    "voc": Source(voc, load_boxes),
    "voc list": Source(voc_list, load_boxes),
    "yolo": Source(yolo, load_boxes),
    "yolo config": Source(yolo_config, load_boxes),
    "kitti": Source(kitti, load_boxes),
    "box csv": Source(box_csv, load_boxes),
    "label csv": Source(label_csv, load_labels),
    **{f"image{suffix}": Source(image_file(suffix), load_labels) for suffix in IMAGES},
    "wide csv": Source(wide_csv, load_series),
    "long csv": Source(long_csv, load_series),
    "german csv": Source(german_csv, load_series),
    "parts csv": Source(parts_csv, load_series),
    "pems text": Source(pems_text, load_series),
    "sidecar": Source(sidecar, load_series),
    "npz": Source(npz, load_series),
    "hdf5": Source(hdf5, load_series),
    "parquet": Source(parquet, load_series),
    "adjacency": Source(adjacency, load_roads),
}

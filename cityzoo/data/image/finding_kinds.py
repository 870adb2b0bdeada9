"""Kinds of findings in image data, what they mean, and what is done about them."""

OUTSIDE = "outside folder"
# In the order of the report: images that are skipped, boxes that are skipped, then notes.
KINDS = {
    "missing": "missing images",
    "unreadable": "unreadable images",
    OUTSIDE: "images or links outside of the data folder (read with --allow-outside only)",
    "contradiction": "images with contradictory labels",
    "unreadable label": "images with an unreadable label file",
    "unknown label": "images with a class that is not in the class list",
    "no label": "images without a class label (skipped)",
    "class left out": "images without a selected class (skipped)",
    "unknown class": "boxes with a class that is not in the class list",
    "bad row": "rows that name no image",
    "malformed": "malformed boxes",
    "not finite": "boxes with non-finite coordinates",
    "inverted": "inverted boxes",
    "no area": "boxes without area",
    "outside": "boxes outside the image",
    "over edge": "boxes far beyond the image edge",
    "clipped": "boxes beyond the image edge by a rounding error (clipped)",
    "assumed columns": "tables without a header (columns read as path,x1,y1,x2,y2,class_name)",
    "relative": "files with boxes in 0..1 (read as relative to the image)",
    "below a pixel": "boxes in 0..1 of a pixel (kept)",
    "crowd": "crowd boxes (skipped)",
    "ignored class": "boxes of ignored classes (skipped)",
    "other class": "boxes of classes that are not selected (skipped)",
    "read outside": "files outside of the data folder (read, --allow-outside)",
    "difficult": "boxes marked difficult (kept)",
    "unlabelled": "images without a label file (read as images without boxes)",
    "duplicate": "images in both train and val (val metrics are too optimistic)",
    "near duplicate": "val images similar to a train image (val metrics are too optimistic: use --split-by scene)",
    "scene on both sides": "scenes in both train and val (val metrics are too optimistic)",
    "bad mask": "masks that are unreadable or differ in size from their image (skipped)",
    "other size": "images that differ in size from their annotations",
    "no size": "images with an unreadable declared size (ignored)",
    "rotated": "images with EXIF rotation (rotated upright)",
    "stored frame": "images with EXIF rotation whose boxes were rotated too",
    "grey": "grayscale images",
    "palette": "palette images",
    "cmyk": "CMYK images",
    "alpha": "images with transparency (composited on white)",
    "16-bit": "16-bit images (scaled to 8 bits)",
    "test split": "images of the test split (not used)",
    "other split": "images of the val split of --data, which --val replaces (not used)",
    "unlisted image": "images without a place in the annotations or the layout (not used)",
    "orphan label": "label files without an image (not used)",
    "other file": "files of no use to the format (not used)",
    "absent class": "classes without examples",
    "no boxes in val": "val splits without boxes (no metrics)",
    "absent in train": "classes with boxes in val only (never learned)",
    "absent in val": "classes without images in val (no metrics)",
}
REQUESTED = (
    "ignored class",
    "other class",
    "class left out",
    "test split",
    "other split",
)  # listed without places
BAD_IMAGES = ("missing", "unreadable", OUTSIDE)
BAD_LABELS = ("contradiction", "unreadable label", "unknown label")
BAD_BOXES = ("bad row", "malformed", "not finite", "inverted", "no area", "outside", "over edge")
TOLERATED = 0.01  # fraction of bad boxes that is skipped and reported rather than refused
SKIPPED = (*BAD_IMAGES, *BAD_LABELS, *BAD_BOXES, "unknown class")
UNUSED = (
    *SKIPPED,
    "no label",
    "bad mask",
    "test split",
    "other split",
    "unlisted image",
    "orphan label",
    "other file",
    "absent class",
)

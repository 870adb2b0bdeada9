"""Draw a scene: an image with a grid to read coordinates from, and a local page to draw with the mouse."""

from cityzoo.watch.drawing.flags import add_arguments, draw_scene
from cityzoo.watch.drawing.grid_image import draw_grid, median_frame
from cityzoo.watch.drawing.scene_file import scene_content, write_scene

__all__ = ["add_arguments", "draw_grid", "draw_scene", "median_frame", "scene_content", "write_scene"]

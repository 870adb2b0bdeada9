"""How good a detector is: COCO numbers, images of its best and worst cases, one page that says it all."""

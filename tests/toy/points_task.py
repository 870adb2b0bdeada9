"""Which of two rings a point lies on."""

from points_data import read_points
from points_modality import POINTS

from cityzoo.outputs.classification import Classification
from cityzoo.tasks import Task

TASK = Task(
    summary="ring of a point",
    modality=POINTS,
    output=Classification,
    reader=read_points,
    demo=None,
    monitor="balanced_accuracy",
    defaults={"backbone": "mlp_8", "learning_rate": 0.02, "epochs": 4, "dropout": 0.1},
)

"""What every modality and output must keep to, checked on tiny data."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from cityzoo.evaluation.predictions import packed, unpacked
from cityzoo.fit import distributed
from cityzoo.fit.auto_settings import resolve
from cityzoo.model import load, save
from cityzoo.report import pages
from cityzoo.report.write import write_report


def check_modality(task, name, values, folder):
    """Build, train a step, save, load and decode; return the output, the held-out examples and their results.

    Args:
        task: as a task's file holds it.
        name: as --task takes it.
        values: of flags, by name: `data`, and what makes the model small.
        folder: for files.
    """
    modality, spec = task.modality, task.make_spec({"task": name, "batch_size": 2, "epochs": 1, **values})
    modality.check(spec, task)
    assert spec.run.backbone in modality.backbones()
    data = modality.read(spec, task)
    output = task.output_for(data.train.class_names, spec.output).with_train_statistics(data.train)
    spec = resolve(spec, task, data, output)
    assert spec.plan and all(phase.epochs >= 1 for phase in spec.plan)
    assembled = modality.build(spec, output, data)
    train, val = modality.views(spec, output, data)
    assert len(train) == len(data.train) and len(val) == len(data.val)
    assert set(modality.stage_of_layers(assembled.backbone)) == {
        each.name for each in assembled.backbone.layers
    }
    _train_a_step(modality, spec, output, assembled, train)
    results = modality.predict_views(assembled.model, val, spec.fit.batch_size)
    assert len(results) == len(data.val)
    save(assembled.model, folder / "model.keras")
    spec.write(folder / "spec.json")
    modality.write_manifest(folder, data, output)
    loaded = load(folder / "model.keras")
    assert modality.class_names(loaded) == output.class_names
    again = modality.predict(loaded, data.val, output)
    for one, other in zip(results, again, strict=True):
        for a, b in zip(_arrays(one), _arrays(other), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)
    _check_evaluation(modality, data.val, output)
    modality.check_manifest(folder, data.val)
    assert json.dumps(data.findings.as_dict()) and "source" in data.findings.as_dict()
    return output, data.val, again


def _train_a_step(modality, spec, output, assembled, train):
    model, stage = assembled.model, spec.plan[-1].freeze
    shown = modality.views_shown(spec, stage)

    def batches():
        return modality.training_batches(assembled, train, spec, 0, 1, shown, distributed.process_shard)

    for one, other in zip(batches().take(1), batches().take(1), strict=True):
        _assert_equal(one, other)  # the same arguments give the same batches
    named = modality.examples_of_step(assembled, train, spec, 0, 0, shown)
    assert not named or len(named) == spec.fit.batch_size
    if not output.trainable:
        return
    modality.freeze(assembled, spec, stage)
    before = [np.array(weight) for weight in model.trainable_variables]
    model.compile("sgd", output.loss(modality.size_hw(spec)))
    history = model.fit(batches().take(1), verbose=0)
    assert np.isfinite(history.history["loss"][0])
    assert any((np.array(w) != b).any() for w, b in zip(model.trainable_variables, before, strict=True))


def _check_evaluation(modality, examples, output):
    assert len(modality.groups(examples)) == len(examples)
    for masks in modality.slices(examples, "auto").values():
        for mask in masks.values():
            assert np.shape(mask) == (len(examples),) and np.asarray(mask).dtype == bool
    assert json.dumps(modality.identify(examples)) == json.dumps(modality.identify(examples))


def check_output(output, examples, results, unit, folder):
    """Metrics at unit weights are the metrics; details and files are plain; results can be kept; the page renders.

    Args:
        output: with what it knows of the training examples.
        examples: labeled ones.
        results: one per example.
        unit: what examples are called.
        folder: for files.
    """
    metrics = output.metrics(examples, results)
    assert {*output.primary_metrics} <= {*metrics} and {*output.lower_is_better} <= {
        *output.primary_metrics,
        *metrics,
    }
    weighted = output.weighted_metrics(examples, results)(np.ones((2, len(examples))))
    compared = [name for name in metrics if name in weighted]
    assert {*output.primary_metrics} <= {*compared}
    for name in compared:
        known = metrics[name] is not None
        expected = metrics[name] if known else np.nan
        np.testing.assert_allclose(weighted[name], [expected] * 2, rtol=1e-6, atol=1e-9, err_msg=name)
    for slices in output.metric_slices(examples, results).values():
        assert all(key in weighted and count >= 0 for key, count in slices.values())
    details = output.details(examples, results)
    output.write_results(examples, results, folder)
    for one, other in zip(unpacked(packed(results), output), results, strict=True):
        for a, b in zip(_arrays(one), _arrays(other), strict=True):
            np.testing.assert_array_equal(a, b)
    report = {"examples": unit, f"n_{unit}": len(examples), "split": examples.split, **metrics, **details}
    layout = pages.find(output.page)(report, output.class_names)
    assert pages.find_model_card(output.page)(report, "a task")["Intended use"]
    file, page = write_report(folder, report, layout)
    plain = json.loads(Path(file).read_text())
    assert plain.keys() == report.keys() and f"{len(examples)}" in Path(page).read_text()
    assert isinstance(output.headline(plain), str)
    assert replace(output).restore(plain).class_names == output.class_names


def _arrays(result):
    fields = getattr(result, "_fields", None) or getattr(result, "__dataclass_fields__", None)
    values = [getattr(result, name) for name in fields] if fields else [result]
    return [np.asarray(value, np.float64) for value in values if value is not None]


def _assert_equal(one, other):
    import tensorflow as tf

    for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
        np.testing.assert_array_equal(a, b)

"""Adversarial training: a model that attacks its images before each step."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from heads.distillation import ClassificationDistillationLoss

STEP_SHARE = 2.5  # length of all steps together, in eps (Madry et al. 2018)
LIGHTEST = 255.0


class AdversarialModel(keras.Model):
    """A classifier whose training images are changed by up to `eps` gray levels so that its loss rises.

    With one step the loss is followed from the image itself (FGSM: Goodfellow et al. 2015, arXiv 1412.6572), with more
    from a random start within the bounds (PGD: Madry et al. 2018, arXiv 1706.06083), and the model learns these images
    instead. With `beta` it learns the images as they are, and beta times the divergence of its answers to an image and
    to the one that raises this divergence most (TRADES: Zhang et al. 2019, arXiv 1901.08573). Attacks see the model in
    inference mode. TensorFlow's backend only.

    Args:
        model: functional, images (batch, h, w, 3) float32 of 0..255 -> logits; weights are shared.
        loss: (targets, logits) -> (batch,), which attacks raise.
        eps: gray levels.
        steps: gradients per image.
        beta: 0: PGD or FGSM; else TRADES.
        several: whether an image can have several classes.
        seed: of random starts, which follow the optimizer's steps.
    """

    def __init__(
        self,
        model: keras.Model,
        loss: keras.losses.Loss,
        eps: float,
        steps: int,
        beta: float = 0.0,
        several: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(inputs=model.inputs[0], outputs=model.outputs[0])
        self.attacked_loss, self.eps, self.steps, self.beta, self.seed = loss, eps, steps, beta, seed
        self.divergence = ClassificationDistillationLoss(temperature=1.0, several=several)
        self.attack_compiled = self._compile_attack()

    def _compile_attack(self) -> Any:
        import tensorflow as tf

        return tf.function(self.attack, reduce_retracing=True, autograph=False)

    def attack(
        self, images: Any, targets: Any, eps: Any, steps: int, number: Any = 0, beta: float = 0.0
    ) -> Any:
        """Return images within `eps` gray levels that raise the loss, (batch, h, w, 3) float32 of 0..255.

        Args:
            images: (batch, h, w, 3) float32 of 0..255.
            targets: (batch, ...) of the loss.
            eps: gray levels.
            steps: gradients; 1: a whole step from the image itself.
            number: of the random start.
            beta: above 0: the divergence from the answers to `images` is raised instead of the loss.
        """
        import tensorflow as tf

        images = ops.convert_to_tensor(images)
        wanted = tf.stop_gradient(self(images, training=False)) if beta else targets
        raised = self.divergence.call if beta else self.attacked_loss.call
        low, high = ops.maximum(images - eps, 0.0), ops.minimum(images + eps, LIGHTEST)

        def climb(now: Any, length: Any) -> Any:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(now)
                loss = raised(wanted, self(now, training=False))
            return tf.clip_by_value(now + length * tf.sign(tape.gradient(loss, now)), low, high)

        if steps == 1 and not beta:
            return climb(images, eps)
        start = tf.random.stateless_uniform(tf.shape(images), [self.seed, number], -eps, eps)
        now = tf.clip_by_value(images + start, low, high)
        length = STEP_SHARE * eps / steps
        return tf.stop_gradient(ops.fori_loop(0, steps, lambda _, each: climb(each, length), now))

    def train_step(self, data):
        """Take one step on attacked images; TRADES: on the images and the attacked ones."""
        images, targets = data
        number = ops.cast(self.optimizer.iterations, "int32")
        changed = self.attack(images, targets, self.eps, self.steps, number, self.beta)
        if not self.beta:
            return super().train_step((changed, targets))
        return super().train_step((ops.concatenate([images, changed]), ops.concatenate([targets, targets])))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the loss; TRADES: of the first half of the rows, plus their divergence from the second half."""
        if not self.beta:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        clean, changed = ops.split(y_pred, 2)
        plain = super().compute_loss(x, ops.split(y, 2)[0], clean, sample_weight, training)
        return plain + self.beta * ops.mean(self.divergence.call(clean, changed))

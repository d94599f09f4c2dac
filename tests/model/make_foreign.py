"""Make classifiers that this project's exporter did not write: Keras, and TensorFlow's own TFLite converter.

Run in an environment of its own, for TensorFlow is large and nothing else here needs it (made with 2.21):
    python -m venv /tmp/tf && /tmp/tf/bin/pip install tensorflow-cpu pytest
    /tmp/tf/bin/python tests/model/make_foreign.py
The network sees pixels scaled to −1…1 (as Keras's MobileNet does) and ends in a softmax:
    stripes_float.tflite   float32 in and out
    stripes_uint8.tflite   full INT8 inside, uint8 in and out
    stripes_int8.tflite    full INT8 inside, int8 in and out
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from conftest import FIXTURES, STRIPE_LABELS, draw_stripes


def scaled(pictures: np.ndarray) -> np.ndarray:
    return pictures.astype(np.float32) / 127.5 - 1


def train() -> tf.keras.Model:
    tf.keras.utils.set_random_seed(0)
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            tf.keras.Input((24, 24, 3)),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(12, 3, strides=2, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(len(STRIPE_LABELS), activation="softmax"),
        ]
    )
    model.compile(tf.keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    pictures, labels = draw_stripes(3000, seed=1)
    model.fit(scaled(pictures), labels, epochs=12, batch_size=64, verbose=2)
    return model


def convert(model: tf.keras.Model, io: tf.DType | None) -> bytes:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if io is not None:
        pictures, _ = draw_stripes(90, seed=2)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([scaled(picture[None])] for picture in pictures)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = io
    return converter.convert()


if __name__ == "__main__":
    trained = train()
    for name, io in (("float", None), ("uint8", tf.uint8), ("int8", tf.int8)):
        data = convert(trained, io)
        (FIXTURES / f"stripes_{name}.tflite").write_bytes(data)
        print(f"stripes_{name}.tflite: {len(data)} bytes, TensorFlow {tf.__version__}")

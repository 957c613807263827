"""Search texts for images with numpy and onnxruntime alone: python onnx_search.py encoders images.npy texts.npy."""

import sys

import numpy as np
import onnxruntime


def embed(folder, name, rows):
    """Return rows of a modality in the common space, at length 1."""
    session = onnxruntime.InferenceSession(f"{folder}/{name}.onnx", providers=["CPUExecutionProvider"])
    (vectors,) = session.run(["embedding"], {"x": rows.astype(np.float32)})
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


if __name__ == "__main__":
    folder, images, texts = sys.argv[1:]
    scores = embed(folder, "image", np.load(images)) @ embed(folder, "text", np.load(texts)).T
    for image, row in enumerate(scores):
        best = np.argsort(-row)[:5]
        print(image, *(f"{text}:{row[text]:.4f}" for text in best))

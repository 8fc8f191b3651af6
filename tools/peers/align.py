"""Alignment of faces by OpenCV's warpAffine and Umeyama's transform: reference numbers.

    python3 tools/peers/align.py > tests/golden/peers/align.json
"""
import base64
import json
import zlib

import cv2
import numpy as np

from pairs import unit

POINTS = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])


def umeyama(src, dst):
    """Rotation by a singular value decomposition, reflections ruled out; then scale and shift."""
    src_mean, dst_mean = src.mean(0), dst.mean(0)
    a, b = src - src_mean, dst - dst_mean
    u, s, vt = np.linalg.svd(b.T @ a / len(src))
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ np.diag(sign) @ vt
    scale = (s * sign).sum() / a.var(0).sum()
    matrix = np.empty((2, 3))
    matrix[:, :2] = scale * rotation
    matrix[:, 2] = dst_mean - scale * rotation @ src_mean
    return matrix


def waves(width, height):
    x, y, c = np.meshgrid(np.arange(width), np.arange(height), np.arange(3), indexing="xy")
    return ((np.abs((3 * x + 2 * y + 40 * c) % 256 - 128) * 15) >> 3).astype(np.uint8)


def noise(seed, width, height):
    return (unit(seed, width * height * 3) * 256).astype(np.uint8).reshape(height, width, 3)


def main():
    cases = []
    for name, image, landmarks, size in [
        ("waves", waves(180, 150), [60.2, 61.7, 103.9, 52.3, 88.1, 84.4, 72.8, 110.6, 108.3, 103.2], 112),
        ("noise", noise(77, 140, 160), [40.5, 60.25, 90.75, 66.5, 62.1, 90.3, 41.9, 118.2, 80.6, 122.4], 112),
        ("partly outside", waves(96, 90), [2.5, 30.1, 28.9, 12.4, 22.2, 38.8, 14.7, 55.9, 37.3, 41.5], 112),
        ("upside down", waves(112, 112), [75.1, 60.2, 40.3, 62.8, 58.8, 41.4, 74.4, 20.5, 44.6, 19.3], 112),
        ("56 pixels", noise(78, 200, 210), [60.5, 80.25, 130.75, 86.5, 92.1, 120.3, 71.9, 158.2, 120.6, 162.4], 56),
    ]:
        matrix = umeyama(np.array(landmarks).reshape(5, 2), POINTS * size / 112)
        warped = cv2.warpAffine(image, matrix, (size, size), borderValue=0.0)
        cases.append({
            "name": name,
            "width": image.shape[1],
            "height": image.shape[0],
            "size": size,
            "landmarks": landmarks,
            "matrix": matrix.reshape(-1).tolist(),
            "pixels_zlib_base64": base64.b64encode(zlib.compress(warped.tobytes(), 9)).decode(),
        })
    print(json.dumps({"made_by": f"tools/peers/align.py, OpenCV {cv2.__version__}", "cases": cases}, indent=1))


if __name__ == "__main__":
    main()

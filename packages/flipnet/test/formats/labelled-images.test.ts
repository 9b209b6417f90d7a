import { expect, it } from "vitest";
import { InputError } from "../../src/formats/errors.ts";
import type { IdxArray } from "../../src/formats/idx.ts";
import { labelledImages } from "../../src/formats/labelled-images.ts";

const array = (...shape: number[]): IdxArray => ({
  shape,
  data: Uint8Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
});

it("joins images and labels without copying them", () => {
  const images = array(3, 2, 4);
  const labels = { shape: [3], data: Uint8Array.of(4, 0, 2) };
  const joined = labelledImages(images, labels);
  expect(joined).toEqual({
    count: 3,
    pixels: 8,
    shape: [2, 4],
    classes: 5,
    images: images.data,
    labels: labels.data,
  });
  expect(joined.images).toBe(images.data);
  expect(joined.labels).toBe(labels.data);
});

it("takes flat images, and up to 256 classes", () => {
  expect(labelledImages(array(256, 3), array(256))).toMatchObject({
    count: 256,
    pixels: 3,
    classes: 256,
    shape: [3],
  });
});

it.each([
  ["images of one dimension", array(3), array(3), "a has shape [3], expected images: two dimensions or more"],
  ["labels of two dimensions", array(3, 2), array(3, 1), "b has shape [3,1], expected labels: one dimension"],
  [
    "the two files swapped",
    array(3),
    array(3, 2, 2),
    "a has shape [3], expected images: two dimensions or more",
  ],
  ["other counts", array(3, 2), array(2), "b has 2 labels, expected 3, one for each image of a"],
])("refuses %s", (_, images, labels, message) => {
  const join = () => labelledImages(images, labels, { images: "a", labels: "b" });
  expect(join).toThrow(InputError);
  expect(join).toThrow(message);
});

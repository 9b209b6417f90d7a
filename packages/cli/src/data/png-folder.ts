/** Images as PNG files in folders by class: `train/cat/1.png`, `test/cat/2.png`, or the classes' folders alone. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "flipnet/internal/formats/errors";
import type { LabelledImages } from "flipnet/internal/formats/labelled-images";
import type { ImageSets } from "flipnet/node";

/** Where there are no images to measure on, every so many of a class are kept for that. */
const heldOut = 5;

/** Images of a set, by class. */
type Paths = ReadonlyMap<string, readonly string[]>;

/**
 * The images in a folder, in grey; classes by their names, in order. Undefined where there are none in such folders.
 *
 * @throws InputError for files that are no PNG, or of several sizes, and classes to measure on that are not learned
 */
export async function pngFolder(folder: string): Promise<ImageSets | undefined> {
  const below = await foldersIn(folder);
  const named = (...names: string[]) => below.find((name) => names.includes(name.toLowerCase()));
  const [train, test] = [named("train", "training"), named("test", "testing")];
  let sets: [Paths, Paths];
  if (train !== undefined && test !== undefined) {
    sets = [await pathsIn(join(folder, train)), await pathsIn(join(folder, test))];
  } else {
    const all = [...(await pathsIn(folder))];
    const part = (isHeld: boolean): Paths =>
      new Map(
        all.map(([name, paths]) => [name, paths.filter((_, i) => (i % heldOut === heldOut - 1) === isHeld)]),
      );
    sets = [part(false), part(true)];
  }
  const [learned, measured] = sets.map((paths) => [...paths.keys()]);
  if (learned.length === 0) return undefined;
  const stranger = measured.find((name) => !learned.includes(name));
  if (stranger !== undefined) {
    throw new InputError(`${folder} has the class "${stranger}" to measure on and not to learn from`);
  }
  const [first] = [...sets[0].values()].flat();
  const { width, height } = await decodeGrey(first);
  const load = async (paths: Paths): Promise<LabelledImages> => {
    const files = [...paths].flatMap(([name, some]) =>
      some.map((path) => ({ path, label: learned.indexOf(name) })),
    );
    if (files.length === 0) {
      throw new InputError(
        `${folder} has no images to measure on; expected ${heldOut} of a class, or a folder test`,
      );
    }
    const pixels = width * height;
    const images = new Uint8Array(files.length * pixels);
    for (const [i, { path }] of files.entries()) {
      const image = await decodeGrey(path);
      if (image.width !== width || image.height !== height) {
        throw new InputError(
          `${path} has ${image.width} x ${image.height} pixels; expected ${width} x ${height}, as ${first}`,
        );
      }
      images.set(image.grey, i * pixels);
    }
    const labels = Uint8Array.from(files, ({ label }) => label);
    return { count: files.length, pixels, shape: [height, width], classes: learned.length, images, labels };
  };
  const [trained, tested] = [await load(sets[0]), await load(sets[1])];
  const hash = createHash("sha256").update(JSON.stringify([height, width, learned]));
  for (const { images, labels } of [trained, tested]) hash.update(images).update(labels);
  return { train: trained, test: tested, digest: hash.digest("hex") };
}

const foldersIn = async (folder: string): Promise<string[]> =>
  (await entriesOf(folder)).filter((entry) => entry.isDirectory()).map(({ name }) => name);

const entriesOf = (folder: string) =>
  readdir(folder, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOTDIR") {
      throw new InputError(
        `the data ${folder} is a file; expected a folder of images (a table is learned with --target COLUMN, or --task table-vae)`,
      );
    }
    throw new InputError(`the data folder ${folder} cannot be read (${cause.code})`, { cause });
  });

/** The PNG files of each class, both in order: numbers by their size. */
async function pathsIn(folder: string): Promise<Paths> {
  const { compare } = new Intl.Collator("en", { numeric: true });
  const found = new Map<string, string[]>();
  for (const name of (await foldersIn(folder)).sort(compare)) {
    const files = (await entriesOf(join(folder, name))).map((entry) => entry.name);
    const own = files.filter((file) => /\.png$/i.test(file)).sort(compare);
    if (own.length > 0)
      found.set(
        name,
        own.map((file) => join(folder, name, file)),
      );
  }
  if (found.size > 256) {
    throw new InputError(`${folder} has ${found.size} folders with images; expected at most 256 classes`);
  }
  return found;
}

/**
 * An image of a PNG file as bytes from black to white; colours by their luma (Rec. 601), and what is transparent is black.
 *
 * @throws InputError for a file that cannot be read
 */
export async function decodeGrey(path: string): Promise<{ width: number; height: number; grey: Uint8Array }> {
  const { convertIndexedToRgb, decode } = await import("fast-png");
  let image: ReturnType<typeof decode>;
  try {
    image = decode(await readFile(path));
  } catch (cause) {
    throw new InputError(`${path} cannot be read as PNG (${(cause as Error).message})`, { cause });
  }
  const { width, height, depth, palette } = image;
  const colours = palette === undefined ? image.data : convertIndexedToRgb(image);
  const channels = palette === undefined ? image.channels : palette[0].length;
  // Less than a byte a pixel: rows are padded to whole bytes.
  const isPacked = palette === undefined && depth < 8;
  const most = palette === undefined ? 2 ** depth - 1 : 255;
  const rowBytes = Math.ceil((width * depth) / 8);
  const sampleOf = (x: number, y: number, channel: number): number => {
    if (!isPacked) return colours[(y * width + x) * channels + channel];
    const bit = x * depth;
    return (colours[y * rowBytes + (bit >> 3)] >> (8 - depth - (bit & 7))) & most;
  };
  const grey = Uint8Array.from({ length: width * height }, (_, i) => {
    const at = (channel: number) => sampleOf(i % width, Math.floor(i / width), channel) / most;
    const shade = channels < 3 ? at(0) : 0.299 * at(0) + 0.587 * at(1) + 0.114 * at(2);
    return Math.round(255 * shade * (channels % 2 === 0 ? at(channels - 1) : 1));
  });
  return { width, height, grey };
}

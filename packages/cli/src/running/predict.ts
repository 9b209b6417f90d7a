/** What a run says or makes of new rows: the model of the library, on files. */
import { readFile } from "node:fs/promises";
import { InputError } from "flipnet/internal/formats/errors";
import { parseIdx } from "flipnet/internal/formats/idx";
import type { Codes, Model, Predictions } from "flipnet/internal/model/model";
import { loadModel } from "flipnet/node";
import { parseNpy } from "../data/npy.ts";
import { decodeGrey } from "../data/png-folder.ts";
import { readTable } from "../data/table.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { readRun, runFiles } from "./run-folder.ts";
import { createBackend } from "./workload.ts";

/** Predicts the classes of a table's rows, or of images. @throws InputError for what does not fit the run */
export const predictRows = (
  folder: string,
  paths: readonly string[],
  options: { samples: number; seed: number },
): Promise<Predictions> =>
  withModel(folder, async (model) => model.predict(await readRows(model, paths), options));

/** The codes of a table's rows, or of images. @throws InputError for what does not fit the run */
export const encodeRows = (
  folder: string,
  paths: readonly string[],
  options: { seed?: number },
): Promise<Codes> => withModel(folder, async (model) => model.encode(await readRows(model, paths), options));

/** Asks a run's model, on the backend that the run asks for. @throws InputError for a folder without a trained run */
export async function withModel<T>(folder: string, ask: (model: Model) => Promise<T>): Promise<T> {
  const { config } = await readRun(folder);
  // Whether it is whole is found out here: the library has no digests.
  await readCheckpoint(runFiles(folder).checkpoint);
  const { kernels, threads, ...anyKernels } = config;
  const backend = await createBackend(anyKernels);
  try {
    return await ask(await loadModel(folder, { backend }));
  } finally {
    backend.close();
  }
}

/** What files hold of what a model reads: the columns of a table, or images. */
async function readRows({ preparation }: Model, paths: readonly string[]) {
  if (preparation === undefined) return imagesIn(paths);
  const names = new Set(preparation.columns.map(({ name }) => name));
  return readTable(paths, (column) => names.has(column));
}

/** Images of bytes in an IDX file or a NumPy array, or one in each of some PNG files. */
async function imagesIn([path, ...more]: readonly string[]): Promise<Uint8Array> {
  if (/\.png$/i.test(path)) {
    const images = [];
    for (const one of [path, ...more]) images.push((await decodeGrey(one)).grey);
    return Buffer.concat(images);
  }
  if (more.length > 0) throw new InputError(`there are ${1 + more.length} files; expected one of images`);
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new InputError(`${path} cannot be read (${cause.code})`, { cause });
  });
  if (bytes[0] !== 0x93) return (await parseIdx(bytes, path)).data;
  const { shape, fortran, at, type } = parseNpy(bytes, path);
  if (type !== "u1" || fortran) {
    throw new InputError(
      `${path} holds ${type}${fortran ? " in Fortran's order" : ""}; expected uint8 in C's order`,
    );
  }
  return Uint8Array.from({ length: shape.reduce((product, n) => product * n, 1) }, (_, e) => Number(at(e)));
}

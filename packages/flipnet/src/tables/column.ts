/** What a column is, found out while its cells go by: numbers, categories, dates, text, or nothing at all. */
import { InputError } from "../formats/errors.ts";

/** A cell as a file has it. Text says nothing yet: here it is found out what a column is. */
export type Cell = string | number | bigint | boolean | Date | null | undefined;

interface Named {
  readonly name: string;
  readonly rows: number;
  /** Rows without a value. */
  readonly missing: number;
}

/** Numbers; NaN where one is missing. */
export interface NumberColumn extends Named {
  readonly kind: "number";
  readonly values: Float32Array;
  /** All different ones, from the smallest to the largest, where there are few. */
  readonly distinct: readonly number[] | undefined;
}

/** One of a few words. */
export interface CategoryColumn extends Named {
  readonly kind: "category";
  /** In the order of the alphabet. */
  readonly levels: readonly string[];
  /** Places in `levels`; -1 where it is missing. */
  readonly codes: Int32Array;
}

/** What nothing can be learned from as it is. */
export interface OtherColumn extends Named {
  readonly kind: "text" | "date" | "empty";
  /** A value, to show. */
  readonly example: string;
}

export type Column = NumberColumn | CategoryColumn | OtherColumn;

/** So many different words are categories, if there are two rows for each on average; more are text. */
const mostLevels = 1000;

/** What stands for nothing, whatever wrote the file. */
const nothings = new Set(["", "na", "n/a", "nan", "null", "none", "?", "-", "<na>"]);

/** An ISO date or time, or a usual order of day, month and year. */
const date = /^\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}.*)?$|^\d{1,2}[./]\d{1,2}[./]\d{2,4}$/;

const plainNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A list of numbers that grows without being copied. */
class Growing<A extends Float32Array | Int32Array> {
  readonly #make: (length: number) => A;
  readonly #parts: A[] = [];
  #used = 0;

  constructor(make: (length: number) => A) {
    this.#make = make;
  }

  push(value: number): void {
    const room = 65536;
    if (this.#used % room === 0) this.#parts.push(this.#make(room));
    this.#parts[this.#parts.length - 1][this.#used++ % room] = value;
  }

  /** What has been pushed, which is then here no more: a table is too large to be there twice. */
  take(): A {
    const all = this.#make(this.#used);
    for (let i = this.#parts.length - 1; i >= 0; i--) {
      const part = this.#parts.pop()!;
      const first = i * part.length;
      all.set(part.subarray(0, Math.min(part.length, this.#used - first)) as never, first);
    }
    this.#used = 0;
    return all;
  }
}

/** A column that is being read. */
export class ColumnReader {
  readonly name: string;
  readonly #path: string;
  #rows = 0;
  #missing = 0;
  #dates = 0;
  #example = "";
  /** Undefined once something was no number. */
  #numbers: Growing<Float32Array> | undefined = new Growing((length) => new Float32Array(length));
  /** Undefined once there were too many different values. */
  #codes: Growing<Int32Array> | undefined = new Growing((length) => new Int32Array(length));
  readonly #levels = new Map<string, number>();

  /** @param path for messages */
  constructor(name: string, path: string) {
    this.name = name;
    this.#path = path;
  }

  get rows(): number {
    return this.#rows;
  }

  add(cells: ArrayLike<Cell>): void {
    for (let i = 0; i < cells.length; i++) this.#addOne(cells[i]);
  }

  #addOne(cell: Cell): void {
    this.#rows++;
    const text = this.#textOf(cell);
    if (text === undefined) {
      this.#missing++;
      this.#numbers?.push(Number.NaN);
      this.#codes?.push(-1);
      return;
    }
    if (this.#example === "") this.#example = text;
    const value = typeof cell === "number" ? cell : numberIn(text, cell);
    if (Number.isNaN(value)) this.#numbers = undefined;
    else if (!Number.isFinite(Math.fround(value))) {
      throw new InputError(
        `${this.#path}: row ${this.#rows}, column "${this.name}" is ${text}; expected a number that float32 can hold`,
      );
    } else this.#numbers?.push(value);
    if (cell instanceof Date || date.test(text)) this.#dates++;
    if (this.#codes === undefined) return;
    let code = this.#levels.get(text);
    if (code === undefined) {
      code = this.#levels.size;
      this.#levels.set(text, code);
    }
    this.#codes.push(code);
    if (this.#levels.size > mostLevels) this.#codes = undefined;
  }

  /** Undefined where the cell is missing. */
  #textOf(cell: Cell): string | undefined {
    if (cell === null || cell === undefined) return undefined;
    if (typeof cell === "number") return Number.isNaN(cell) ? undefined : String(cell);
    if (cell instanceof Date) return cell.toISOString();
    if (typeof cell === "object") {
      throw new InputError(
        `${this.#path}: row ${this.#rows}, column "${this.name}" is no single value; expected a number, a word or nothing`,
      );
    }
    const text = String(cell).trim();
    return nothings.has(text.toLowerCase()) ? undefined : text;
  }

  /** What it was; to be asked once, as what has been read goes with it. */
  column(): Column {
    const [name, rows, missing] = [this.name, this.#rows, this.#missing];
    const present = rows - missing;
    const named = { name, rows, missing };
    const levels = [...this.#levels.keys()];
    if (present === 0) return { ...named, kind: "empty", example: "" };
    if (this.#dates === present) return { ...named, kind: "date", example: this.#example };
    if (this.#numbers !== undefined) {
      const distinct = this.#codes && levels.map(Number).sort((a, b) => a - b);
      this.#codes = undefined;
      return { ...named, kind: "number", values: this.#numbers.take(), distinct };
    }
    const few = levels.length <= 20 || levels.length <= present / 2;
    if (this.#codes === undefined || !few) return { ...named, kind: "text", example: this.#example };
    const sorted = levels.toSorted();
    const places = levels.map((level) => sorted.indexOf(level));
    const codes = this.#codes.take().map((code) => (code < 0 ? -1 : places[code]));
    return { ...named, kind: "category", levels: sorted, codes };
  }
}

function numberIn(text: string, cell: Cell): number {
  if (typeof cell === "bigint") return Number(cell);
  if (typeof cell === "boolean") return Number.NaN;
  if (plainNumber.test(text)) return Number(text);
  return /^[+-]?inf(inity)?$/i.test(text) ? Infinity : Number.NaN;
}

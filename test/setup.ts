// The library prints nothing, so neither does a test that runs it: whatever reaches the console is a failure.
import { format } from "node:util";
import { afterEach, expect } from "vitest";

const printed: string[] = [];
for (const method of ["debug", "error", "info", "log", "trace", "warn"] as const) {
  console[method] = (...values: unknown[]) => void printed.push(`console.${method}: ${format(...values)}`);
}

afterEach(() => expect(printed.splice(0), "written to the console").toEqual([]));

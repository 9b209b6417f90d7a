// Every kernel, one operation a file. Addresses are in bytes; matrices are row-major float32.

export { heapBase } from "./heap-base";

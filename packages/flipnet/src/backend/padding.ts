/** Bytes behind every operand that kernels may read, never write, so that no kernel has to mind where a row ends. */
export const padding = 128;

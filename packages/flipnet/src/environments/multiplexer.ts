/**
 * The k-bit multiplexer as an environment: an episode is one step. The input is an address of k bits, most significant
 * first, then 2^k bits of data, all fair; the action should be the bit at the address, for 1, or else -1.
 */
import type { Environment } from "./environment.ts";

export const multiplexer = (k: number): Environment => {
  const inputs = k + 2 ** k;
  return {
    name: "multiplexer",
    inputs,
    inputKind: "bits",
    actions: 2,
    // The input, and whether it was answered.
    stateSize: inputs + 1,
    limit: 1,
    reset(state, uniforms) {
      for (let i = 0; i < inputs; i++) state[i] = uniforms(i) < 0.5 ? 0 : 1;
      state[inputs] = 0;
    },
    step(state, action) {
      let address = 0;
      for (let i = 0; i < k; i++) address = 2 * address + state[i];
      state[inputs] = 1;
      return action === state[k + address] ? 1 : -1;
    },
    ended: (state) => state[inputs] === 1,
    observe(state, out, at) {
      for (let i = 0; i < inputs; i++) out[at + i] = state[i];
    },
  };
};
